/** Who acts in the demo, and what about. */
export const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'] as const;
export type User = (typeof USERS)[number];

export const TAGS = ['jazz', 'hiking', 'typescript', 'coffee', 'chess'] as const;
