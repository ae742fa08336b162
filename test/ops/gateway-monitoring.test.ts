import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { PROJECT_DIRECTORY } from '../../local/config.ts';
import { createGatewayMetrics } from '../../gateway/metrics.ts';
import { expressionsOfAlerts, metricsIn, runbookAnchors, runbookLinks } from './monitoring-files.ts';

/** Series of others. */
const ELSEWHERE = new Set([
  'up',
  'stream_sessions_acquires_total',
  'stream_sessions_shadow_refusals_total',
  'stream_sessions_unknown_plans_total',
  'access_log_writer',
]);

const dashboardSchema = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).min(1) })).min(1),
});

function read(file: string): Promise<string> {
  return readFile(path.join(PROJECT_DIRECTORY, file), 'utf8');
}

describe('alerts and dashboard of the gateway', () => {
  it('name only series that a gateway exports', async () => {
    const dashboard: unknown = JSON.parse(await read('ops/grafana/sessions.json'));
    const panels = dashboardSchema.parse(dashboard).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const alerts = expressionsOfAlerts(await read('ops/prometheus/gateway-alerts.yml'));
    const metrics = createGatewayMetrics({
      watched: () => Promise.resolve(0),
      blocks: () => 0,
      policyVersion: () => 1,
      policyIsValid: () => true,
      unreadAccounts: () => Promise.resolve(0),
      unresponsiveAccounts: () => 0,
      accessLog: () => ({ dropped: 0 }),
      degraded: () => [],
    });
    const declared = [...(await metrics.registry.metrics()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
    const exported = new Set(declared.flatMap((name = '') => [name, `${name}_count`, `${name}_bucket`]));
    const named = new Set([...alerts, ...panels].flatMap(metricsIn));
    assert.ok(named.size > 10);
    assert.deepEqual(
      [...named].filter((name) => !exported.has(name) && !ELSEWHERE.has(name)),
      [],
    );
  });

  it('link every alert to a chapter of the runbook', async () => {
    const alerts = await read('ops/prometheus/gateway-alerts.yml');
    const anchors = runbookAnchors(await read('docs/runbook.md'));
    const links = runbookLinks(alerts);
    assert.equal(links.length, alerts.match(/^ +- alert:/gm)?.length);
    assert.deepEqual(
      links.filter((anchor) => !anchors.has(anchor)),
      [],
    );
  });
});
