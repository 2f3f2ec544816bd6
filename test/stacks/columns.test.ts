import { spawnSync } from 'node:child_process';
import { WAYS as LIST } from '../../lib/ways';
import { SETTINGS, type Settings, synth, WAYS } from '../support/synth';
import { Column } from './column';
import { COLUMNS, heredoc } from './column-checks';

const ADMIN: Settings = { clusterAdmin: 'arn:aws:iam::123456789012:role/reader' };

describe.each(WAYS)('%s', (way) => {
  const settings = { ...SETTINGS, ...(LIST[way].orchestrator === 'EKS' && { 'an administrator in the': ADMIN }) };
  describe.each(Object.entries(settings))('with %s settings', (_name, each) => {
    test.each(Object.entries(COLUMNS[way]))('%s', (_promise, check) => {
      check(Column.of(way, each));
    });
  });
});

test.each(['production', 'spot'] as const)('%s is no different on Lambda', (name) => {
  expect(synth('lambda', SETTINGS[name]).template).toEqual(synth('lambda').template);
});

const shellcheck = (script: string) =>
  spawnSync('shellcheck', ['--shell=bash', '-'], { input: script, encoding: 'utf8' });

(shellcheck('').error ? test.skip : test)('shellcheck has nothing to say about the boot script of EC2', () => {
  const { userData } = Column.of('ec2');
  expect(shellcheck(userData).stdout).toBe('');
  expect(shellcheck(heredoc(userData, 'DRAIN')).stdout).toBe('');
});
