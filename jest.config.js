/**
 * Two tiers. `npm test` is the edit loop: everything that is quick. `npm run test:all` adds the deep suites, the files
 * named `*.deep.test.ts`: whole fault scenarios, their pictures and deliberate defects, cdk-nag in every setting, the page
 * in a browser, an install under npm 10. `npm run test:all -- <file>` runs one of them.
 *
 * No test decides by the clock: time-outs here and in the tests only end what hangs, also on a machine that is ten
 * times as slow as usual.
 */

const { availableParallelism } = require('node:os');

/** Published as ES modules only: jest runs CommonJS, so these are transformed like our own files. */
const MODULES = [
  // fauxqs and what it uses.
  'fauxqs|toad-cache|valibot',
  // The comparison's charts, and the document that they are drawn into outside of a browser.
  '@observablehq|d3(-[a-z]+)*|internmap|delaunator|robust-predicates|isoformat',
  'cssomnom|css-select|css-what|dom-serializer|domelementtype|domhandler|domutils|entities|htmlparser2|nth-check|boolbase',
  // Validators of Kubernetes' objects.
  '@?kubernetes-models|is-cidr|cidr-regex',
];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  // More than there are cores, because much of a test is waiting for processes.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
  testMatch: ['**/*.test.ts'],
  // `npm run test:all` overrides this one.
  testPathIgnorePatterns: ['/node_modules/', '\\.deep\\.test\\.ts$'],
  // Ends what hangs, and no more.
  testTimeout: 300_000,
  // A test's globals are slow to look up, unless they are handed to its modules: loops of the simulation are full of these.
  sandboxInjectedGlobals: ['Math', 'Number'],
  // They export themselves to `import` only.
  moduleNameMapper: {
    '^(@?kubernetes-models/.+)$': ['<rootDir>/node_modules/$1', '<rootDir>/node_modules/$1/dist/index.js'],
  },
  transform: { '^.+\\.m?[tj]s$': '@swc/jest' },
  transformIgnorePatterns: [`/node_modules/(?!(${MODULES.join('|')})/)`],
};
