import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { Client, Connection } from '@temporalio/client';
import { connect, type StreamClient } from 'getstream';
import type { MessageRoute } from '../../../contracts/shared/names.ts';
import { eventStatusKey } from '../../../contracts/shared/search-attributes.ts';
import { LOCAL_AWS } from '../../../local/stack-parts.ts';
import { startStack } from '../../../local/stack.ts';
import { clientConfig } from '../../../local/topology.ts';
import { sharedWorkflowBundle } from '../../support/workflow-bundle.ts';

/** A stack of its own, with a Temporal server that serves its Web UI. */
export interface UiStack {
  readonly url: string;
  readonly namespace: string;
  readonly stream: StreamClient;
  publish(topic: MessageRoute['topic'], body: object): Promise<void>;
  /** Replaces the faults of the Stream server. */
  setFaults(faults: readonly object[]): Promise<void>;
  /** How many workflows the visibility list has for a query; it runs behind what a workflow says of itself. */
  listed(query: string): Promise<number>;
  /** `EventStatus` of a workflow. */
  eventStatus(workflowId: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

export async function startUiStack(): Promise<UiStack> {
  const stack = await startStack({
    rateLimits: false,
    gateway: false,
    workerEnv: { WORKFLOW_BUNDLE: await sharedWorkflowBundle() },
  });
  const { aws, stream, temporal, namespace, webUi } = stack.endpoints;
  const sns = new SNSClient(clientConfig({ url: aws, ...LOCAL_AWS }));
  const connection = await Connection.connect({ address: temporal });
  const client = new Client({ connection, namespace });
  return {
    url: webUi ?? '',
    namespace,
    stream: connect(stream.apiKey, stream.apiSecret, stream.appId, { urlOverride: { api: `${stream.url}/api/` } }),
    async publish(topic, body) {
      const found = stack.routes.find(({ route }) => route.topic === topic);
      await sns.send(new PublishCommand({ TopicArn: found?.topicArn, Message: JSON.stringify(body) }));
    },
    async setFaults(faults) {
      await fetch(`${stream.url}/_control/faults`, { method: 'DELETE' });
      if (faults.length === 0) return;
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(faults);
      const response = await fetch(`${stream.url}/_control/faults`, { method: 'POST', headers, body });
      if (!response.ok) throw new Error(await response.text());
    },
    async listed(query) {
      return (await client.workflow.count(query)).count;
    },
    async eventStatus(workflowId) {
      return (await client.workflow.getHandle(workflowId).describe()).typedSearchAttributes.get(eventStatusKey);
    },
    async stop() {
      await connection.close();
      sns.destroy();
      await stack.stop();
    },
  };
}
