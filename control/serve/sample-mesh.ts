/** What the index knows as gauges, set before each scrape. */

import type { MeshIndex } from '../index/mesh-index.ts';
import type { ControlMetrics } from './metrics.ts';
import type { ViewRegistry } from './view.ts';

export function sampleMesh(
  metrics: ControlMetrics,
  index: MeshIndex,
  instances: ReturnType<ViewRegistry['instances']>,
): void {
  metrics.set('heddle_control_services', {}, index.list().length);
  metrics.set('heddle_control_problems', {}, index.problems().length);
  for (const { kind: source, objects, error } of index.catalogs()) {
    metrics.set('heddle_control_objects', { source }, objects);
    metrics.set('heddle_control_source_failing', { source }, error === null ? 0 : 1);
  }
  const counts = { serving: 0, waiting: 0, lost: 0 };
  for (const { serving, connected } of instances) {
    if (!connected) counts.lost += 1;
    else if (serving) counts.serving += 1;
    else counts.waiting += 1;
  }
  for (const [state, count] of Object.entries(counts)) {
    metrics.set('heddle_control_instances', { state }, count);
  }
}
