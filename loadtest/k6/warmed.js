// Arrivals at a constant rate, open loop, as steady.js sends them, but behind a second of the same
// that is not counted: what the first request of each connection costs is no part of the figures.

/// <reference path="./k6.d.ts" />

import http from 'k6/http';
import { params, target, trends } from './common.js';

const arrivals = {
  exec: 'requestOnce',
  executor: 'constant-arrival-rate',
  rate: Number(__ENV.RATE),
  timeUnit: '1s',
  preAllocatedVUs: Number(__ENV.CONNECTIONS),
  gracefulStop: '0s',
};
const counted = '{scenario:steady}';

export const options = {
  ...trends,
  scenarios: {
    warm: { ...arrivals, duration: '1s' },
    steady: { ...arrivals, duration: `${__ENV.SECONDS}s`, startTime: '1s' },
  },
  // k6 tells of one scenario alone only when something is expected of it.
  thresholds: {
    [`http_reqs${counted}`]: ['count>=0'],
    [`http_req_duration${counted}`]: ['max>=0'],
    [`http_req_failed${counted}`]: ['rate>=0'],
    [`dropped_iterations${counted}`]: ['count>=0'],
  },
};

export function requestOnce() {
  http.get(target, params);
}

export function handleSummary({ metrics }) {
  const read = (name) => metrics[name + counted].values;
  const found = {
    rate: read('http_reqs').count / Number(__ENV.SECONDS),
    p50Ms: read('http_req_duration').med,
    p99Ms: read('http_req_duration')['p(99)'],
    failedShare: read('http_req_failed').rate,
    dropped: metrics[`dropped_iterations${counted}`]?.values.count ?? 0,
  };
  return { [__ENV.SUMMARY]: JSON.stringify(found) };
}
