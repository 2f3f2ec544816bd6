/** What each bundle contains besides the native package: output file -> entry point. */
export const ENTRY_POINTS = {
  lambda: {
    'index.js': 'lambda/resize/index.ts',
    'handler.js': 'lambda/resize/handler.ts',
    'decoder-child.js': 'workload/decoder-child.ts',
  },
  worker: { 'index.js': 'workload/worker.ts', 'decoder-child.js': 'workload/decoder-child.ts' },
} as const;
export type Kind = keyof typeof ENTRY_POINTS;
export const KINDS = Object.keys(ENTRY_POINTS) as Kind[];

/** What container images are built from, too. */
export const IMAGES: readonly Kind[] = ['worker'];
