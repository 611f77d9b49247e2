// Arrivals at a constant rate, open loop: k6 begins a request when it is due, as long as it has a
// free virtual user; those that it could not begin are counted as dropped.

/// <reference path="./k6.d.ts" />

import http from 'k6/http';
import { digest, params, target, trends } from './common.js';

export const options = {
  ...trends,
  scenarios: {
    steady: {
      exec: 'requestOnce',
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE),
      timeUnit: '1s',
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: Number(__ENV.CONNECTIONS),
    },
  },
};

export function requestOnce() {
  http.get(target, params);
}

export const handleSummary = digest;
