import { logLine } from '../../workload/log';

function logged(...line: Parameters<typeof logLine>): string {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    logLine(...line);
    return String(write.mock.calls[0]?.[0]);
  } finally {
    write.mockRestore();
  }
}

describe('logLine', () => {
  test('writes a record that is also its metrics', () => {
    const line = JSON.parse(
      logged({ Stack: 'Photos' }, { Done: [1, 'Count'], BytesIn: [undefined, 'Bytes'] }, [['Stack']]),
    );
    expect(line).toEqual({
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          { Namespace: 'FourWays', Dimensions: [['Stack']], Metrics: [{ Name: 'Done', Unit: 'Count' }] },
        ],
      },
      Stack: 'Photos',
      Done: 1,
    });
  });

  test('is an ordinary record without metrics', () => {
    expect(logged({ State: 'started' })).toBe('{"State":"started"}\n');
  });

  test.each(['two\nlines', '\u202egpj.exe', '日本語/写真.jpg', '\u2028', '\x1b[2J', '🐈'])(
    'keeps %j on one line of printable ASCII, and whole',
    (key) => {
      const line = logged({ Key: key });
      expect(line).toMatch(/^[\x20-\x7e]+\n$/);
      expect(JSON.parse(line)).toEqual({ Key: key });
    },
  );
});
