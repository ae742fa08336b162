import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsCredentials } from '../contracts/shared/aws-credentials.ts';
import type { WorkerConfig } from './config.ts';

/** A request without an answer for this long is given up; above the long poll of 20 s. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Without the throw, a hung socket would only be logged. */
const REQUEST_HANDLER = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  throwOnRequestTimeout: true,
  connectionTimeout: 5_000,
};

/** With few retries: whoever uses it has a backoff of its own. */
export function createSqsClient({ environment, awsCredentials }: WorkerConfig): SQSClient {
  return new SQSClient({
    ...given(awsCredentials),
    region: environment.AWS_REGION,
    ...endpoint(environment.AWS_ENDPOINT_URL_SQS ?? environment.AWS_ENDPOINT_URL),
    maxAttempts: 2,
    requestHandler: REQUEST_HANDLER,
  });
}

export function createS3Client({ environment, awsCredentials }: WorkerConfig): S3Client {
  const url = environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  return new S3Client({
    ...given(awsCredentials),
    region: environment.AWS_REGION,
    ...endpoint(url),
    // Servers other than AWS seldom know a bucket's name as a host.
    forcePathStyle: url !== undefined,
    requestHandler: REQUEST_HANDLER,
  });
}

function given(credentials: AwsCredentials | undefined): { readonly credentials?: AwsCredentials } {
  return credentials === undefined ? {} : { credentials };
}

function endpoint(url: string | undefined): { readonly endpoint?: string } {
  return url === undefined ? {} : { endpoint: url };
}
