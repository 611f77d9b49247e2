// Arrivals from a tenth of the rate up to it and back: shows whether the tail follows the load
// down again.

/// <reference path="./k6.d.ts" />

import http from 'k6/http';
import { digest, params, target, trends } from './common.js';

const rate = Number(__ENV.RATE);
const third = `${Math.max(1, Math.round(Number(__ENV.SECONDS) / 3))}s`;

export const options = {
  ...trends,
  scenarios: {
    ramp: {
      exec: 'requestOnce',
      executor: 'ramping-arrival-rate',
      startRate: Math.ceil(rate / 10),
      timeUnit: '1s',
      preAllocatedVUs: Number(__ENV.CONNECTIONS),
      stages: [
        { duration: third, target: rate },
        { duration: third, target: rate },
        { duration: third, target: Math.ceil(rate / 10) },
      ],
    },
  },
};

export function requestOnce() {
  http.get(target, params);
}

export const handleSummary = digest;
