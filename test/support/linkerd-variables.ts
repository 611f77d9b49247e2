/** A complete environment of a Linkerd proxy, of which tests change one variable at a time. */

import assert from 'node:assert/strict';
import type { ProxySettings } from '../../api/settings.ts';
import { readLinkerdEnvironment } from '../../workers/linkerd-environment.ts';
import { makeRoot } from './certificates.ts';

export type Settings = Partial<ProxySettings>;
type Variables = Readonly<Record<string, string | undefined>>;

export const pem = makeRoot().pem;
export const ownName = 'web.demo.serviceaccount.identity.linkerd.cluster.local';
export const least: Variables = {
  DESTINATION_SVC_ADDR: 'dst.linkerd.svc.cluster.local.:8086',
  DESTINATION_SVC_NAME: 'dst.linkerd',
  POLICY_SVC_ADDR: '10.0.0.1:8090',
  POLICY_SVC_NAME: 'policy.linkerd',
  POLICY_WORKLOAD: '{"ns":"demo","pod":"web-1"}',
  IDENTITY_SVC_ADDR: 'localhost.:8080',
  IDENTITY_DIR: '/id',
  IDENTITY_TRUST_ANCHORS: pem,
  IDENTITY_TOKEN_FILE: '/token',
  IDENTITY_LOCAL_NAME: ownName,
  INBOUND_DEFAULT_POLICY: 'all-unauthenticated',
};

/** Names without the prefix; `files` are those that are not as they should be. */
export function read(variables: Variables, files: Readonly<Record<string, string>> = {}) {
  const merged = Object.entries({ ...least, ...variables });
  return readLinkerdEnvironment({
    variables: Object.fromEntries(merged.map(([key, text]) => [`LINKERD2_PROXY_${key}`, text])),
    cpus: () => 8,
    problemOf: (path) => files[path] ?? '',
    isWritable: (folder) => files[folder] === undefined,
  });
}

export function settingsOf(variables: Variables): Settings {
  const { settings, problems } = read(variables);
  assert.deepEqual(problems, []);
  return settings;
}
