import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { BRIDGE_METRICS } from '../../bridge/bridge-meter.ts';
import { PROJECT_DIRECTORY } from '../../local/config.ts';
import { eventually } from '../support/eventually.ts';
import { startRunningStack, type RunningStack } from '../support/running-stack.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import { expressionsOfAlerts, metricsIn, runbookAnchors, runbookLinks, savedViews } from './monitoring-files.ts';

/** Series that a healthy worker does not export, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  up: 'made by Prometheus for each scrape',
  bridge_start_failures_total: 'counted when Temporal refuses a start',
  bridge_edits_ignored_total: 'counted when a known post comes with other content',
  bridge_clock_ahead_total: 'counted when an EventTime lies after the sending',
  bridge_sqs_failures_total: 'counted when SQS refuses a request',
  bridge_messages_returned_total: 'counted when a stopping bridge hands messages back',
  temporal_workflow_task_execution_failed: 'counted when workflow code fails or does not replay',
  temporal_sticky_cache_miss: 'counted when a cached workflow was on another worker, or evicted',
  temporal_sticky_cache_total_forced_eviction: 'counted when more workflows are open than the cache holds',
};

const dashboardSchema = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).min(1) })).min(1),
});

describe('alerts and dashboard', function () {
  this.timeout(60_000);
  let running: RunningStack;
  let alerts: string;
  let expressions: readonly string[];

  before(async function () {
    this.timeout(900_000);
    alerts = await readFile(path.join(PROJECT_DIRECTORY, 'ops/prometheus/alerts.yml'), 'utf8');
    const dashboard: unknown = JSON.parse(
      await readFile(path.join(PROJECT_DIRECTORY, 'ops/grafana/events.json'), 'utf8'),
    );
    const panels = dashboardSchema.parse(dashboard).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    expressions = [...expressionsOfAlerts(alerts), ...panels];
    running = await startRunningStack({ workerEnv: { WORKFLOW_BUNDLE: await sharedWorkflowBundle() } });
  });
  after(() => running?.stop());

  it('name only series that a worker exports, or whose absence is explained', async () => {
    const actor = `ada-${Date.now()}`;
    const post = {
      Actor: actor,
      Verb: 'Post',
      ObjectID: '1',
      FeedType: 'User',
      CreatedAt: '2026-01-31T12:00:00Z',
      ForeignID: `Post:${actor}-1`,
    };
    const follow = { SourceFeedID: `timeline:${actor}`, TargetFeedID: 'user:bob', ActivityCopyLimit: 0 };
    const forbidden = { ...post, ObjectID: '2', FeedType: 'Timeline', ForeignID: `Post:${actor}-2` };
    await running.setFaults([
      { match: { method: 'POST', path: 'following' }, fault: 'error', status: 503 },
      { match: { method: 'POST', path: `feed/timeline/${actor}` }, fault: 'error', status: 403 },
    ]);
    await running.publish([
      { topic: 'activities', body: post },
      { topic: 'activities', body: post },
      { topic: 'activities', body: forbidden },
      { topic: 'activities', body: { Verb: 'Poison' } },
      { topic: 'follow-relationships', body: { ...follow, EventTime: '2026-01-31T12:00:00Z' } },
    ]);
    // Joins the open run of its edge, which is being retried.
    await eventually(async () => assert.equal((await running.counters()).started, 3));
    await running.publish([
      { topic: 'follow-relationships', body: { ...follow, Kind: 'Unfollow', EventTime: '2026-01-31T12:00:01Z' } },
    ]);
    const named = new Set(expressions.flatMap(metricsIn));
    assert.ok(named.size > 20, `only ${named.size} series are named`);
    await eventually(
      async () => {
        const scrape = await (await fetch(running.stack.endpoints.metrics[0] ?? '')).text();
        const exported = new Set([...scrape.matchAll(/^([a-z]\w*)[{ ]/gm)].map(([, name]) => name));
        const unknown = [...named].filter((name) => !exported.has(name) && ELSEWHERE[name] === undefined);
        assert.deepEqual(unknown, []);
      },
      { timeoutMs: 30_000, intervalMs: 500 },
    );
  });

  it('use every series of the bridge', () => {
    const named = new Set(expressions.flatMap(metricsIn));
    assert.deepEqual(
      Object.keys(BRIDGE_METRICS).filter((name) => !named.has(name)),
      [],
    );
  });

  it('stand beside saved queries that Temporal takes, each with its link into the Web UI', async () => {
    const views = savedViews(await readFile(path.join(PROJECT_DIRECTORY, 'docs/runbook.md'), 'utf8'));
    assert.ok(views.length >= 10, `only ${views.length} views`);
    for (const { link, query } of views) {
      assert.equal(new URL(link).searchParams.get('query'), query);
      await running.temporal.workflow.count(query);
    }
  });

  it('link every alert to a chapter of the runbook', async () => {
    const anchors = runbookAnchors(await readFile(path.join(PROJECT_DIRECTORY, 'docs/runbook.md'), 'utf8'));
    const links = runbookLinks(alerts);
    assert.equal(links.length, alerts.match(/^ +- alert:/gm)?.length);
    assert.deepEqual(
      links.filter((anchor) => !anchors.has(anchor)),
      [],
    );
  });
});
