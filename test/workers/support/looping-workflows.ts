export * from '../../../workflows/index.ts';

/** Never gives its thread back. */
export async function loopForEver(): Promise<void> {
  for (;;);
}
