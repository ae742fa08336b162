import { FIRST_SENT, REJECT_REASON } from '../contracts/shared/dead-letter-attributes.ts';
import type { DeadLetter } from './dead-letter.ts';
import { reasonOf, sizeOf } from './dead-letter.ts';
import { formatTable, formatTime, shortened } from './table.ts';

const REASON_LENGTH = 90;

/** A dead letter as `--json` prints it; a binary attribute in Base64. */
export function deadLetterData(letter: DeadLetter) {
  const { messageId, queue, groupId, sentAt, receiveCount, body, attributes } = letter;
  return {
    messageId,
    queue,
    ...(groupId === undefined ? {} : { groupId }),
    reason: reasonOf(letter),
    sentAt,
    receiveCount,
    bytes: sizeOf(letter),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
        name,
        {
          type: DataType,
          value: StringValue ?? (BinaryValue === undefined ? '' : Buffer.from(BinaryValue).toString('base64')),
        },
      ]),
    ),
    body,
  };
}

export function deadLetterTable(letters: readonly DeadLetter[]): string[] {
  const rows = letters.map((letter) => [
    letter.queue,
    letter.messageId,
    formatTime(letter.sentAt),
    String(sizeOf(letter)),
    shortened(reasonOf(letter), REASON_LENGTH),
  ]);
  return formatTable(['QUEUE', 'MESSAGE', 'SENT', 'BYTES', 'REASON'], rows);
}

export function deadLetterText(letter: DeadLetter): string[] {
  const { attributes } = deadLetterData(letter);
  const others = Object.entries(attributes).filter(([name]) => name !== REJECT_REASON && name !== FIRST_SENT);
  return [
    `message    ${letter.messageId}`,
    `queue      ${letter.queue}`,
    ...(letter.groupId === undefined ? [] : [`group      ${letter.groupId}`]),
    `reason     ${reasonOf(letter)}`,
    `sent       ${formatTime(letter.sentAt)}`,
    `received   ${letter.receiveCount} times from here`,
    `bytes      ${sizeOf(letter)}`,
    ...others.map(([name, { type, value }]) => `attribute  ${name} (${type ?? ''}): ${value}`),
    '',
    letter.body,
  ];
}
