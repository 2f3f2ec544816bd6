import type { FourWay } from '../../../lib/ways';
import type { Answers, Choice, Reason } from './types';

/**
 * From a few answers to one or two of the four ways, or to none of them. First what rules a way out, then what speaks
 * for the ones that are left. Every sentence names the fact, limit, price or figure it rests on. Pure, free of Node.
 */

export const QUESTIONS: {
  readonly [Key in keyof Answers]: { readonly question: string; readonly answers: readonly Answers[Key][] };
} = {
  job: {
    question: 'How long does one job take?',
    answers: ['seconds', 'a few minutes', 'close to 15 minutes', 'over 15 minutes', 'over 12 hours'],
  },
  arrival: { question: 'How does work arrive?', answers: ['steady', 'bursts', 'rare'] },
  idle: { question: 'How often is there nothing to do?', answers: ['mostly', 'nights', 'never'] },
  onCall: { question: 'Who looks after machines and clusters?', answers: ['nobody', 'somebody', 'platform team'] },
  host: {
    question: 'Does a job need something special of its host?',
    answers: ['nothing special', 'gpu', 'kernel or device', 'desktop or windows'],
  },
  kubernetes: { question: 'Do you run Kubernetes?', answers: ['there already', 'has to be', 'no'] },
};

/** The better first, where nothing else decides: less to look after before more. */
const ORDER: readonly FourWay[] = ['lambda', 'ecs-fargate', 'ec2', 'eks-ec2'];

const reason = (text: string, restsOn: string): Reason => ({ text, restsOn });

/** Answers as they are asked for, to a choice. */
export function choose(answers: Answers): Choice {
  const against = Object.fromEntries(
    ORDER.map((way) => [way, objections(way, answers)]).filter(([, found]) => (found as Reason[]).length > 0),
  ) as Partial<Record<FourWay, readonly Reason[]>>;
  const left = ORDER.filter((way) => !against[way]);
  if (left.length === 0) return none(answers, against);
  const ranked = left
    .map((way) => ({ way, merits: merits(way, answers) }))
    .sort((a, b) => weight(b.merits) - weight(a.merits) || ORDER.indexOf(a.way) - ORDER.indexOf(b.way));
  const best = weight(ranked[0]?.merits ?? []);
  // A second one only where it comes near: two answers, not a list.
  const chosen = ranked.filter(({ merits: found }, index) => index === 0 || (index === 1 && best - weight(found) <= 1));
  return {
    ways: chosen.map(({ way }) => way),
    reasons: chosen.flatMap(({ way, merits: found }) => found.map(({ why }) => ({ ...why, way }))),
    against,
    instead: null,
  };
}

/** What rules a way out. */
function objections(way: FourWay, { job, onCall, host, kubernetes }: Answers): Reason[] {
  const found: Reason[] = [];
  if (host === 'desktop or windows') {
    found.push(reason('All four run Linux without a desktop.', `fact:${way}.unit.architecture`));
  }
  if (kubernetes === 'has to be' && way !== 'eks-ec2') {
    found.push(reason('It is not Kubernetes, which has to be.', `fact:${way}.unit.kind`));
  }
  if (job === 'over 12 hours' && way !== 'lambda') {
    found.push(
      reason(
        'SQS hands a message to a second worker 12 hours after the first has received it.',
        'delay:sqs-longest-receive',
      ),
    );
  }
  switch (way) {
    case 'lambda':
      if (job === 'over 15 minutes' || job === 'over 12 hours')
        found.push(reason('An invocation ends after 15 minutes.', 'delay:lambda-longest-job'));
      if (job === 'close to 15 minutes') {
        found.push(reason('A job that comes near 15 minutes fails on its slow day.', 'delay:lambda-longest-job'));
      }
      if (host === 'gpu')
        found.push(reason('Functions have no GPU: deep learning belongs elsewhere.', 'fact:lambda.unit.kind'));
      if (host === 'kernel or device') found.push(reason('The host is not yours.', 'fact:lambda.unit.kind'));
      break;
    case 'ecs-fargate':
      if (host === 'gpu') found.push(reason('Fargate tasks have no GPU.', 'fact:ecs-fargate.unit.kind'));
      if (host === 'kernel or device') found.push(reason('The host is not yours.', 'fact:ecs-fargate.unit.kind'));
      break;
    case 'ec2':
      if (onCall === 'nobody') {
        found.push(reason('Somebody has to patch the operating system.', 'figure:owned.ec2.operating system'));
      }
      break;
    case 'eks-ec2':
      if (onCall === 'nobody') {
        found.push(
          reason(
            'Somebody has to upgrade the cluster, its add-ons and its nodes.',
            'figure:owned.eks-ec2.cluster version',
          ),
        );
      }
      if (kubernetes === 'no') {
        found.push(
          reason(
            'A control plane and a node are paid for, day and night, for this job alone.',
            'price:eks.cluster-hour',
          ),
        );
      }
      break;
  }
  return found;
}

interface Merit {
  readonly why: Reason;
  readonly weight: number;
}

const weight = (merits: readonly Merit[]) => merits.reduce((total, merit) => total + merit.weight, 0);

/** What speaks for a way that is not ruled out. The first line is always there: what it is. */
function merits(way: FourWay, { job, arrival, idle, onCall, host, kubernetes }: Answers): Merit[] {
  const found: Merit[] = [];
  const add = (when: boolean, points: number, text: string, restsOn: string) => {
    if (when) found.push({ weight: points, why: reason(text, restsOn) });
  };
  switch (way) {
    case 'lambda':
      add(true, onCall === 'nobody' ? 2 : 1, 'Nothing to patch but the code.', 'figure:owned.lambda.runtime');
      add(
        idle === 'mostly' || arrival === 'rare',
        2,
        'Nothing runs, and nearly nothing is paid, while there is nothing to do.',
        'figure:idle-cost.lambda',
      );
      add(
        arrival === 'bursts',
        2,
        'A burst has its environments within seconds, up to the concurrency of the account.',
        'delay:lambda-concurrency-quota',
      );
      add(
        job === 'a few minutes',
        -1,
        'But the timeout of the function has to be raised for it, and every second of those minutes is paid for.',
        'fact:lambda.longestJobSeconds',
      );
      add(
        arrival === 'steady' && idle === 'never',
        -2,
        'But beyond the volumes where the curves cross, units that never stop cost less.',
        'figure:break-even',
      );
      break;
    case 'ecs-fargate':
      add(
        true,
        onCall === 'nobody' ? 2 : 1,
        'Containers without machines to look after.',
        'figure:owned.ecs-fargate.operating system',
      );
      add(
        job === 'over 15 minutes' || job === 'close to 15 minutes',
        2,
        'A job may take hours, up to 12, and has 90 s to come to an end when its task is stopped.',
        'fact:ecs-fargate.longestJobSeconds',
      );
      add(
        arrival === 'steady' && idle !== 'mostly',
        2,
        'Beyond the volumes where the curves cross, tasks that work all the time cost less than invocations.',
        'figure:break-even',
      );
      add(
        idle === 'mostly',
        1,
        'When idle, nothing runs, and only a few alarms are paid for.',
        'figure:idle-cost.ecs-fargate',
      );
      break;
    case 'ec2':
      add(true, 0, 'Any workload fits: the machine is yours.', 'fact:ec2.unit.kind');
      add(
        host === 'gpu' || host === 'kernel or device',
        4,
        'The instance type, the kernel and its drivers are your choice.',
        'fact:ec2.hosts.instanceTypes',
      );
      add(
        arrival === 'steady' && idle === 'never' && onCall !== 'nobody',
        2,
        'A unit that never stops costs least by the hour.',
        'figure:cost-curves',
      );
      break;
    case 'eks-ec2':
      add(true, 0, 'Kubernetes, on nodes of your choice.', 'fact:eks-ec2.hosts.instanceTypes');
      add(kubernetes === 'has to be', 4, 'It is the one that is Kubernetes.', 'fact:eks-ec2.controlPlane.version');
      add(
        kubernetes === 'there already',
        2,
        'The cluster is paid for and looked after already: this is one more deployment.',
        'price:eks.cluster-hour',
      );
      add(
        kubernetes === 'there already' && onCall === 'platform team',
        2,
        'A team is there that knows it.',
        'figure:owned.eks-ec2.cluster version',
      );
      add(
        host === 'gpu' || host === 'kernel or device',
        2,
        'A node group of your own instance type beside the others.',
        'fact:eks-ec2.hosts.instanceTypes',
      );
      break;
  }
  return found;
}

function none({ job, host, kubernetes, onCall }: Answers, against: Choice['against']): Choice {
  const instead =
    host === 'desktop or windows'
      ? 'Machines with a desktop or with Windows: EC2 with images of that kind, or a service made for desktops, such as Amazon WorkSpaces. None of these stacks comes near it.'
      : job === 'over 12 hours'
        ? 'A job that takes longer than SQS hides a message: AWS Batch or Step Functions, which keep the state of a job themselves; or cut it into shorter ones.'
        : kubernetes === 'has to be' && onCall === 'nobody'
          ? 'Kubernetes that nobody looks after: EKS Auto Mode, where AWS keeps the nodes; or question the requirement.'
          : host === 'gpu'
            ? 'A GPU, and nobody to look after the machine under it: a service that brings both, such as AWS Batch on ECS Managed Instances, or hosted inference.'
            : 'A host of your own needs somebody to look after it. Find that somebody, or change the job so that it needs nothing special of its host.';
  return { ways: [], reasons: [], against, instead };
}
