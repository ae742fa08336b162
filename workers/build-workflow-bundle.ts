import { writeFile } from 'node:fs/promises';
import { bundleWorkflows } from './workflow-bundle.ts';

// Run by `npm run build` from the compiled tree: leaves the bundle where `loadWorkflowBundle` looks for it.
const { code } = await bundleWorkflows();
await writeFile(new URL('../workflow-bundle.js', import.meta.url), code);
