/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/host-bundles.ts',
  testMatch: ['**/*.test.ts'],
  // Real processes on slow machines: no test of ours takes a tenth of it on a quiet one.
  testTimeout: 30_000,
  transform: { '^.+\\.[tj]s$': '@swc/jest' },
  // fauxqs is published as ES modules only: jest runs CommonJS, so these are transformed like our own files.
  transformIgnorePatterns: ['/node_modules/(?!(fauxqs|toad-cache|valibot)/)'],
};
