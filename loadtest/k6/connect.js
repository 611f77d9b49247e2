// A connection for each request, arrivals at a constant rate.

/// <reference path="./k6.d.ts" />

import http from 'k6/http';
import { digest, params, target, trends } from './common.js';

export const options = {
  ...trends,
  noConnectionReuse: true,
  scenarios: {
    connect: {
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
