export interface BareActivities {
  write(): Promise<void>;
}

export const bareActivities: BareActivities = { write: () => Promise.resolve() };
