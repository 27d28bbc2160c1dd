import type { StackEvent } from '../../lambda/deploy/history';

/** What CloudFormation tells of a stack in this status, whose last operation began 30 s before `beganMs`. */
export function stackHistory(status: string, beganMs: number): StackEvent[] {
  const of = { CREATE: 'CREATE', UPDAT: 'UPDATE' }[status.slice(0, 5)] ?? 'UPDATE';
  const back = status.includes('ROLLBACK')
    ? ([
        { of: 'stack', status, atMs: beganMs - 10_000 },
        { of: 'resource', status: `${of}_FAILED`, atMs: beganMs - 20_000 },
      ] as const)
    : [];
  return [
    ...back,
    { of: 'stack', status: `${of}_IN_PROGRESS`, atMs: beganMs - 30_000 },
    { of: 'stack', status: 'UPDATE_COMPLETE', atMs: 0 },
  ];
}
