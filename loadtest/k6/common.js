// What the k6 scripts share. Their settings are environment variables: TARGET, HOST, RATE,
// CONNECTIONS, SECONDS and SUMMARY, the file that the figures go to.

export const target = __ENV.TARGET;
export const params = { headers: { Host: __ENV.HOST } };
export const trends = { summaryTrendStats: ['med', 'p(99)'], discardResponseBodies: true };

export function digest({ metrics }) {
  const latency = metrics.http_req_duration.values;
  const found = {
    rate: metrics.http_reqs.values.rate,
    p50Ms: latency.med,
    p99Ms: latency['p(99)'],
    failedShare: metrics.http_req_failed.values.rate,
    dropped: metrics.dropped_iterations ? metrics.dropped_iterations.values.count : 0,
  };
  return { [__ENV.SUMMARY]: JSON.stringify(found) };
}
