/** Published as ES modules only: jest runs CommonJS, so these are transformed like our own files. */
const MODULES = [
  // fauxqs and what it uses.
  'fauxqs|toad-cache|valibot',
  // The comparison's charts, and the document that they are drawn into outside of a browser.
  '@observablehq|d3(-[a-z]+)*|internmap|delaunator|robust-predicates|isoformat',
  'cssomnom|css-select|css-what|dom-serializer|domelementtype|domhandler|domutils|entities|htmlparser2|nth-check|boolbase',
];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/host-bundles.ts',
  // As many as there are cores: much of a test is waiting for processes.
  maxWorkers: '100%',
  testMatch: ['**/*.test.ts'],
  // Real processes, also on slow and busy machines.
  testTimeout: 30_000,
  transform: { '^.+\\.m?[tj]s$': '@swc/jest' },
  transformIgnorePatterns: [`/node_modules/(?!(${MODULES.join('|')})/)`],
};
