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
  transform: { '^.+\\.[tj]s$': '@swc/jest' },
  // fauxqs is published as ES modules only: jest runs CommonJS, so these are transformed like our own files.
  transformIgnorePatterns: ['/node_modules/(?!(fauxqs|toad-cache|valibot)/)'],
};
