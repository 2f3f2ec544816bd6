import { POLLING } from '../../../lib/ways';
import { DEFAULTS } from '../../../workload/contract';
import type { Outcome, Scenario, Setting } from '../scenario';
import { Traffic } from '../traffic';
import { GRACE_SECONDS, Trial } from '../trial';

const VISIBILITY_SECONDS = 3;

/** Longest wait before a signal that is due, in ms: so that it meets a worker anywhere, its start included. */
const RANDOM_MS = 300;

/** What may still be on its way when a process is told to stop: the polls it had just begun, in ms and in number. */
const LATE_MS = 1000;
const POLLS = DEFAULTS.messagesPerSlot;

interface Stop {
  readonly at: number;
  /** The same, on the trial's own clock. */
  readonly clock: number;
  /** It had not polled yet, and may not have had time to say how it wants to be stopped. */
  readonly starting: boolean;
  /** Since then. */
  polls: number;
}

async function run(setting: Setting): Promise<Outcome> {
  const { random, images, kills, progress } = setting;
  const traffic = new Traffic(random.fork('traffic'), setting);
  const choice = random.fork('stops');
  const stopping = new Map<string, Stop>();
  const polling = new Set<string>();
  const broken: string[] = [];
  let planned = 0;
  let stops = 0;
  let slowestMs = 0;

  const stopOne = () => {
    const candidates = [...trial.way.processes()].filter(([caller]) => !stopping.has(caller));
    if (candidates.length === 0) return trial.later(20, stopOne);
    const [caller, pid] = choice.pick(candidates);
    stopping.set(caller, {
      at: performance.now(),
      clock: trial.clockMs(caller),
      starting: !polling.has(caller),
      polls: 0,
    });
    trial.leave(caller);
    stops += 1;
    process.kill(pid, 'SIGTERM');
  };
  const trial: Trial = await Trial.start({
    ...setting,
    visibilitySeconds: VISIBILITY_SECONDS,
    environment: { DECODE_SLOTS: '1' },
    workers: 2,
    hooks: {
      before: async (call) => {
        const { action, caller } = call;
        if (action === 'ReceiveMessage') {
          polling.add(caller);
          const stop = stopping.get(caller);
          if (stop) {
            stop.polls += 1;
            const late = trial.clockMs(caller) - stop.clock;
            if (late > LATE_MS || stop.polls > POLLS) {
              broken.push(`${caller} asks for work ${Math.round(late)} ms after SIGTERM, ${stop.polls} times`);
            }
          }
        }
        const due = Math.min(kills, Math.ceil((kills * trial.ended) / (images * 0.9)));
        for (; planned < due; planned += 1) trial.later(choice.int(RANDOM_MS), stopOne);
        await traffic.before(call);
        return undefined;
      },
      sent: (call) => traffic.onSent(trial, call),
    },
    onEvent: (event, deliver) => traffic.onEvent(trial, event, deliver),
    onExit: (caller, code) => {
      const stop = stopping.get(caller);
      if (!stop) {
        broken.push(`${caller} ended by itself, with code ${code}`);
        return;
      }
      const milliseconds = performance.now() - stop.at;
      slowestMs = Math.max(slowestMs, milliseconds);
      if (milliseconds > GRACE_SECONDS * 1000) broken.push(`${caller} took ${Math.round(milliseconds)} ms to stop`);
      if (code !== 0 && !stop.starting) broken.push(`${caller} was stopped and exited with code ${code}`);
    },
  });
  try {
    await trial.run(traffic.objects, () => progress(trial.ended, `${stops} stopped`));
    if (trial.unexplained > 0) broken.push(`${trial.unexplained} messages handed out again without a stop`);
    if (stops < kills) broken.push(`only ${stops} of ${kills} stops were possible`);
    for (const key of trial.failures()) broken.push(`in the failure queue: ${key}`);
    return {
      findings: trial.check(),
      faults: { SIGTERM: stops, ...traffic.faults },
      redelivered: trial.redelivered,
      // A copy: ending the trial ends the workers that are left.
      broken: [...broken],
      measured: { 'slowest stop': `${(slowestMs / 1000).toFixed(1)} s` },
    };
  } finally {
    await trial.stop();
  }
}

export const stop: Scenario = {
  name: 'stop',
  computes: POLLING,
  images: 2000,
  kills: 200,
  run,
};
