import { COMPUTES } from '../../../workload/contract';
import type { BucketEvent } from '../../local/endpoints';
import { NO_FINDINGS } from '../ledger';
import { POISON_LIMITS, poisonPictures } from '../pictures';
import type { Outcome, Scenario, Setting } from '../scenario';
import { Trial } from '../trial';

/** Poison among the good, and records of one message. */
const POISON = 0.05;
const BATCH = 10;

/** Long: nothing here is to come back. */
const VISIBILITY_SECONDS = 50;

async function run(setting: Setting): Promise<Outcome> {
  const { random, images, small, progress } = setting;
  const count = Math.max(1, Math.round(images * POISON));
  const poison = await poisonPictures(random.fork('poison'), count);
  const good = Array.from({ length: images - count }, () => random.pick(small));
  const objects = random.shuffle([...good, ...poison]).map((picture, index) => ({
    key: `incoming/${String(index).padStart(5, '0')}/${picture.name}`,
    picture,
  }));

  let batch: NonNullable<BucketEvent['Records']> = [];
  let told = 0;
  const trial = await Trial.start({
    ...setting,
    visibilitySeconds: VISIBILITY_SECONDS,
    environment: POISON_LIMITS,
    onEvent: ({ Records = [] }, deliver) => {
      batch = [...batch, ...Records];
      told += 1;
      if (batch.length < BATCH && told < images) return;
      deliver({ Records: batch });
      batch = [];
    },
  });
  try {
    const again = () => [...trial.receives.values(), ...trial.attempts.values()].filter((times) => times > 1).length;
    const whole = await trial.run(
      objects,
      () => progress(trial.lines.length, 'working'),
      () => again() > 0,
    );
    const broken: string[] = [];
    if (again() > 0) broken.push(`${again()} messages were handed out more than once`);
    const rejections = [...trial.outputs().keys()].filter((name) => name.startsWith('rejected/')).length;
    if (rejections !== count) broken.push(`${rejections} rejections of ${count} poisonous pictures`);
    if (trial.way.deaths() > 0) broken.push(`${trial.way.deaths()} processes died`);
    for (const key of trial.failures()) broken.push(`in the failure queue: ${key}`);
    return {
      findings: whole ? trial.check() : NO_FINDINGS,
      faults: { poison: count },
      redelivered: trial.redelivered,
      broken,
    };
  } finally {
    await trial.stop();
  }
}

export const poison: Scenario = {
  name: 'poison',
  computes: COMPUTES,
  images: 1000,
  kills: 0,
  run,
};
