/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '^.+\\.[tj]s$': '@swc/jest' },
  // fauxqs is published as ES modules only: jest runs CommonJS, so these are transformed like our own files.
  transformIgnorePatterns: ['/node_modules/(?!(fauxqs|toad-cache|valibot)/)'],
};
