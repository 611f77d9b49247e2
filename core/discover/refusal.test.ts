/**
 * Goal: a policy refuses traffic unless it is plain, whatever it asks for. Method: a plain policy
 * of each kind, and each way to make it other than plain, as the control plane's codec writes it.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import { detect, encodeOutbound, encodeProfile } from '../../test/support/fake-control.ts';
import { readOutbound, readProfile } from './methods.ts';
import { destinationPathOf, judgeOutbound } from './refusal.ts';

type Json = { [name: string]: JsonValue };

function judge(protocol: JsonValue, profile: Json = {}) {
  const policy = readOutbound(encodeOutbound({ protocol }));
  const known = readProfile(encodeProfile(profile));
  assert.ok(policy !== null && known !== null);
  return judgeOutbound(policy.message, known.message);
}

const backendTo = (path: string): Json => ({ balancer: { discovery: { dst: { path } } } });
const backend = backendTo('web');
const backends: Json = { firstAvailable: { backends: [{ backend }] } };
const root: Json = { path: { prefix: '/' } };
const rule: Json = { matches: [root], backends };
const http = (...routes: Json[]): Json => ({ http1: { routes } });
const httpRule = (more: Json): Json => http({ rules: [{ ...rule, ...more }] });
const opaque = (more: Json): Json => ({ opaque: { routes: [{ rules: [{ backends, ...more }] }] } });
const grpc = (more: Json): Json => ({ grpc: { routes: [{ rules: [{ backends, ...more }] }] } });
const forward: Json = { forward: { addr: { ip: { ipv4: 1 }, port: 80 } } };
const many = (...list: Json[]): Json => ({ firstAvailable: { backends: list } });
const weighted = (...weights: number[]): Json => ({
  randomAvailable: { backends: weights.map((weight) => ({ weight, backend: { backend } })) },
});
const timeout = { timeouts: { request: '1s' }, allowL5dRequestHeaders: true };
const retry = {
  retry: { maxRetries: 2, conditions: { statusRanges: [{ start: 500, end: 599 }] } },
};
const accrual = { failureAccrual: { consecutiveFailures: { maxFailures: 7 } } };
const header = { requestHeaderModifier: { remove: ['a'] } };

describe('outbound', () => {
  const plain: Record<string, Json> = {
    detect: detect('web') as Json,
    'detect of HTTP alone': {
      detect: { heddleHttp: true, http1: { routes: [{ rules: [rule] }] } },
    },
    'HTTP/1.1': http({ rules: [rule] }),
    'HTTP/2 with a breaker': { http2: { routes: [{ rules: [rule] }], ...accrual } },
    gRPC: grpc({}),
    'gRPC with an empty match': grpc({ matches: [{ rpc: {} }] }),
    opaque: opaque({}),
    'timeouts and retries': httpRule({ ...timeout, ...retry }),
    'no match': httpRule({ matches: [] }),
    'one backend of a weight': httpRule({ backends: weighted(3) }),
    'one backend of a weight above 0': httpRule({ backends: weighted(0, 3) }),
  };
  for (const [name, protocol] of Object.entries(plain)) {
    test(`${name} is plain`, () => {
      const { refusal, backend: found } = judge(protocol);
      assert.equal(refusal, '');
      assert.equal(found === null ? '' : destinationPathOf(found), 'web');
    });
  }

  test('a backend may be one endpoint', () => {
    const { refusal, backend: found } = judge(httpRule({ backends: many({ backend: forward }) }));
    assert.deepEqual([refusal, found?.kind?.kind], ['', 'forward']);
  });

  const refused: Record<string, readonly [Json, RegExp]> = {
    'no kind': [{}, /does not know/],
    'an empty detect': [{ detect: {} }, /no route/],
    'no route': [http(), /no route/],
    'two routes': [http({ rules: [rule] }, { rules: [rule] }), /2 routes/],
    hosts: [http({ hosts: [{ exact: 'a' }], rules: [rule] }), /certain hosts/],
    'no rule': [http({}), /no rule/],
    'two rules': [http({ rules: [rule, rule] }), /2 rules/],
    'a path': [httpRule({ matches: [{ path: { prefix: '/a' } }] }), /matches/],
    'an exact path': [httpRule({ matches: [{ path: { exact: '/' } }] }), /matches/],
    'a regular expression': [httpRule({ matches: [{ path: { regex: '/' } }] }), /matches/],
    'two matches': [httpRule({ matches: [root, root] }), /matches/],
    'a header': [httpRule({ matches: [{ ...root, headers: [{ name: 'a' }] }] }), /matches/],
    'a query': [httpRule({ matches: [{ ...root, queryParams: [{ name: 'a' }] }] }), /matches/],
    'a method': [httpRule({ matches: [{ ...root, method: { registered: 'GET' } }] }), /matches/],
    'a filter': [httpRule({ filters: [header] }), /filters/],
    'an unknown filter': [httpRule({ filters: [{}] }), /filters/],
    failures: [httpRule({ filters: [{ failureInjector: { status: 500 } }] }), /injects failures/],
    'a filter of the backend': [
      httpRule({ backends: many({ backend, filters: [header] }) }),
      /filters/,
    ],
    'no distribution': [http({ rules: [{ matches: [root] }] }), /no backend/],
    'an empty distribution': [httpRule({ backends: { empty: {} } }), /no backend/],
    'no backend': [httpRule({ backends: many() }), /no backend/],
    'an empty backend': [httpRule({ backends: many({}) }), /no backend/],
    'a backend of no kind': [httpRule({ backends: many({ backend: {} }) }), /names no endpoints/],
    'a balancer of nothing': [
      httpRule({ backends: many({ backend: { balancer: {} } }) }),
      /names no endpoints/,
    ],
    'a forward to nowhere': [
      httpRule({ backends: many({ backend: { forward: {} } }) }),
      /names no endpoints/,
    ],
    'a fallback': [httpRule({ backends: many({ backend }, { backend: forward }) }), /2 backends/],
    weights: [httpRule({ backends: weighted(1, 1) }), /2 backends/],
    'weights of 0': [httpRule({ backends: weighted(0) }), /no backend/],
    'a gRPC method': [grpc({ matches: [{ rpc: { service: 'a' } }] }), /matches/],
    forbidden: [opaque({ filters: [{ forbidden: {} }] }), /forbids/],
    invalid: [opaque({ filters: [{ invalid: { message: 'a' } }] }), /invalid/],
    TLS: [{ tls: { routes: [{ rules: [{ backends }] }] } }, /TLS/],
    'one protocol that is not plain': [
      { detect: { http1: { routes: [{ rules: [rule] }] }, http2: { routes: [] } } },
      /no route/,
    ],
    'backends that differ': [
      {
        detect: {
          http1: { routes: [{ rules: [rule] }] },
          http2: {
            routes: [{ rules: [{ backends: many({ backend: backendTo('other') }) }] }],
          },
        },
      },
      /different backends/,
    ],
  };
  for (const [name, [protocol, sentence]] of Object.entries(refused)) {
    test(`${name}: refused`, () => {
      const { refusal, backend: found } = judge(protocol);
      assert.match(refusal, sentence);
      assert.equal(found, null);
    });
  }

  test('profiles', () => {
    const plainPolicy = detect('web');
    assert.equal(judge(plainPolicy, { opaqueProtocol: true, retryBudget: {} }).refusal, '');
    assert.match(judge(plainPolicy, { routes: [{}] }).refusal, /has routes/);
    assert.match(judge(plainPolicy, { dstOverrides: [{}] }).refusal, /splits traffic/);
  });
});
