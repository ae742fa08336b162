let serial = 0;

/** A number no other message of the test run has. */
export function nextSerial(): number {
  serial += 1;
  return serial;
}

export function postMessage(objectId = `post${nextSerial()}`) {
  return {
    Actor: 'alice',
    Verb: 'Post',
    ObjectID: objectId,
    FeedType: 'User',
    CreatedAt: '2026-01-31T12:00:00Z',
    To: ['bob'],
    ForeignID: `Post:alice-${objectId}`,
    HashTags: ['jazz'],
  };
}

export function followMessage(target = `bob${nextSerial()}`) {
  return { SourceFeedID: 'timeline:alice', TargetFeedID: `user:${target}`, ActivityCopyLimit: 10 };
}

/** What SNS makes of a message for an SQS subscription without raw delivery; a field set to undefined is left out. */
export function snsEnvelope(message: string, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    Type: 'Notification',
    MessageId: '7d0c4b0e-0000-4000-8000-000000000000',
    TopicArn: 'arn:aws:sns:us-east-1:000000000000:activities',
    Message: message,
    Timestamp: '2026-02-01T00:00:00.000Z',
    ...fields,
  });
}
