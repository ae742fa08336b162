/** A command line or a setting that cannot be used; ends the process with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
