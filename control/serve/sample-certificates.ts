/** When certificates end, as metrics, taken when they are asked for. */

import type { Certificate } from '../../core/identity/certificate.ts';
import type { AuthorityView } from '../issuer/authority-view.ts';
import type { ControlMetrics } from './metrics.ts';

export function sampleCertificates(
  metrics: ControlMetrics,
  view: AuthorityView,
  ownEndMs: number,
  nowMs: number,
): void {
  const issuer = view.signer?.certificate ?? null;
  const leftMs = issuer === null ? 0 : Math.max(0, issuer.notAfterMs - nowMs);
  metrics.set('issuer_cert_ttl_seconds', {}, leftMs / 1000);
  const [firstToEnd] = view.anchors.toSorted((a, b) => a.notAfterMs - b.notAfterMs);
  for (const [certificate, one] of [
    ['issuer', issuer],
    ['anchor', firstToEnd],
  ] as const) {
    showLife(metrics, certificate, one ?? null, nowMs);
  }
  metrics.set('heddle_control_cert_expiry_seconds', { certificate: 'control' }, ownEndMs / 1000);
  for (const phase of ['idle', 'distribute', 'switch'] as const) {
    metrics.set('heddle_control_rotation_phase', { phase }, view.phase === phase ? 1 : 0);
  }
}

function showLife(
  metrics: ControlMetrics,
  certificate: string,
  one: Certificate | null,
  nowMs: number,
): void {
  const lifeMs = one === null ? 0 : one.notAfterMs - one.notBeforeMs;
  const used = one === null ? 1 : Math.min(1, Math.max(0, (nowMs - one.notBeforeMs) / lifeMs));
  const endMs = one === null ? 0 : one.notAfterMs;
  metrics.set('heddle_control_cert_expiry_seconds', { certificate }, endMs / 1000);
  metrics.set('heddle_control_cert_lifetime_used_ratio', { certificate }, used);
}
