/** What a stack's events mean for a request, by tables. */
import { describe, expect, test } from 'vitest';
import { classifyRequest, type DeployEvent, type StackState } from '../../lambda/deploy/classify-request';
import { readHistory, readReportedSuccess, type StackEvent } from '../../lambda/deploy/history';
import { containsOperationStart } from '../../lambda/deploy/stack-state';

const MINUTE = 60_000;

/**
 * One event a minute: `stack` statuses as they are, our own resource's with a dot in front; with `+` behind, one that has
 * a detailed status.
 */
function events(...statuses: string[]): StackEvent[] {
  return statuses.map((text, index) => ({
    of: text.startsWith('.') ? 'resource' : 'stack',
    status: text.replace(/[.+]/g, ''),
    ...(text.endsWith('+') ? { detail: 'CONFIGURATION_COMPLETE' } : {}),
    atMs: index * MINUTE,
  }));
}

/** The stack's status is the one of its last event, and the request came half a minute after the last event. */
function situationOf(
  type: DeployEvent['type'],
  statuses: string[],
  change: Partial<StackState> & { atMs?: number } = {},
) {
  const all = events(...statuses);
  const startedAtMs = change.atMs ?? (all.length - 1) * MINUTE + 30_000;
  const status = all.findLast(({ of }) => of === 'stack')?.status ?? null;
  return classifyRequest(
    { type, startedAtMs },
    { status, history: readHistory(all, true), ...change },
    Math.max(startedAtMs, (all.length - 1) * MINUTE) + 1_000,
  );
}

const MADE = [
  'REVIEW_IN_PROGRESS',
  'CREATE_IN_PROGRESS',
  '.CREATE_IN_PROGRESS',
  '.CREATE_COMPLETE',
  'CREATE_COMPLETE',
];
const UPDATING = [...MADE, 'UPDATE_IN_PROGRESS', '.UPDATE_IN_PROGRESS'];
const BACK = ['UPDATE_ROLLBACK_IN_PROGRESS', '.UPDATE_IN_PROGRESS'];

describe('direction, and whether our resource had reported success', () => {
  const table: [string, DeployEvent['type'], string[], string, boolean | 'unknown' | null, boolean][] = [
    ['a first deployment', 'Create', MADE.slice(0, 3), 'forward', null, false],
    ['an update', 'Update', UPDATING, 'forward', null, false],
    [
      'a resource added by an update',
      'Create',
      [...MADE.slice(0, 2), 'CREATE_COMPLETE', 'UPDATE_IN_PROGRESS', '.CREATE_IN_PROGRESS'],
      'forward',
      null,
      false,
    ],
    ['our update failed', 'Update', [...UPDATING, '.UPDATE_FAILED', ...BACK], 'rollback', false, true],
    ['our update was cancelled', 'Update', [...UPDATING, '.UPDATE_FAILED', ...BACK], 'rollback', false, true],
    ['a later resource failed', 'Update', [...UPDATING, '.UPDATE_COMPLETE', ...BACK], 'rollback', true, true],
    [
      'an earlier rollback does not count',
      'Update',
      [
        ...UPDATING,
        '.UPDATE_COMPLETE',
        ...BACK,
        '.UPDATE_COMPLETE',
        'UPDATE_ROLLBACK_COMPLETE',
        'UPDATE_IN_PROGRESS',
        '.UPDATE_IN_PROGRESS',
        '.UPDATE_FAILED',
        ...BACK,
      ],
      'rollback',
      false,
      true,
    ],
    [
      'rollback disabled, gone on, then back: success once is success',
      'Update',
      [
        ...UPDATING,
        '.UPDATE_COMPLETE',
        'UPDATE_FAILED',
        'UPDATE_IN_PROGRESS',
        '.UPDATE_IN_PROGRESS',
        '.UPDATE_FAILED',
        'UPDATE_FAILED',
        ...BACK,
      ],
      'rollback',
      true,
      true,
    ],
    [
      'rollback disabled, then `cdk rollback`',
      'Update',
      [...UPDATING, '.UPDATE_FAILED', 'UPDATE_FAILED', ...BACK],
      'rollback',
      false,
      true,
    ],
    [
      'a rollback that is continued',
      'Update',
      [...UPDATING, '.UPDATE_FAILED', ...BACK, '.UPDATE_COMPLETE', 'UPDATE_ROLLBACK_FAILED', ...BACK],
      'rollback',
      false,
      true,
    ],
    [
      'a nested stack that had succeeded',
      'Update',
      [...UPDATING, '.UPDATE_COMPLETE', 'UPDATE_COMPLETE', ...BACK],
      'rollback',
      true,
      true,
    ],
    [
      'the stack is deleted',
      'Delete',
      [...MADE, 'DELETE_IN_PROGRESS', '.DELETE_IN_PROGRESS'],
      'forward',
      null,
      true,
    ],
    [
      'our Create failed',
      'Delete',
      [...MADE.slice(0, 3), '.CREATE_FAILED', 'ROLLBACK_IN_PROGRESS', '.DELETE_IN_PROGRESS'],
      'rollback',
      false,
      true,
    ],
    [
      'a later resource failed in a first deployment',
      'Delete',
      [...MADE.slice(0, 4), 'ROLLBACK_IN_PROGRESS', '.DELETE_IN_PROGRESS'],
      'rollback',
      true,
      true,
    ],
    [
      'our Create failed, rollback disabled, deleted later',
      'Delete',
      [...MADE.slice(0, 3), '.CREATE_FAILED', 'CREATE_FAILED', 'DELETE_IN_PROGRESS', '.DELETE_IN_PROGRESS'],
      'rollback',
      false,
      true,
    ],
    [
      'OnFailure=DELETE',
      'Delete',
      [...MADE.slice(0, 3), '.CREATE_FAILED', 'DELETE_IN_PROGRESS', '.DELETE_IN_PROGRESS'],
      'rollback',
      false,
      true,
    ],
    [
      'our Create in an update failed',
      'Delete',
      [
        ...MADE.slice(0, 2),
        'CREATE_COMPLETE',
        'UPDATE_IN_PROGRESS',
        '.CREATE_IN_PROGRESS',
        '.CREATE_FAILED',
        'UPDATE_ROLLBACK_IN_PROGRESS',
        'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
        '.DELETE_IN_PROGRESS',
      ],
      'rollback',
      false,
      true,
    ],
    [
      'created by an update that failed later',
      'Delete',
      [
        ...MADE.slice(0, 2),
        'CREATE_COMPLETE',
        'UPDATE_IN_PROGRESS',
        '.CREATE_IN_PROGRESS',
        '.CREATE_COMPLETE',
        'UPDATE_ROLLBACK_IN_PROGRESS',
        'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
        '.DELETE_IN_PROGRESS',
      ],
      'rollback',
      true,
      true,
    ],
    [
      'taken out of the template',
      'Delete',
      [...MADE, 'UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', '.DELETE_IN_PROGRESS'],
      'forward',
      null,
      true,
    ],
    [
      'a Delete that failed before',
      'Delete',
      [
        ...MADE,
        'DELETE_IN_PROGRESS',
        '.DELETE_IN_PROGRESS',
        '.DELETE_FAILED',
        'DELETE_FAILED',
        'DELETE_IN_PROGRESS',
        '.DELETE_IN_PROGRESS',
      ],
      'forward',
      null,
      true,
    ],
  ];
  test.each(table)('%s', (_, type, statuses, direction, reportedSuccess, lenient) => {
    const failed = reportedSuccess === null ? null : { reportedSuccess, since: expect.any(String) };
    const situation = { direction, failed, lenient, relevance: 'wanted' };
    expect(situationOf(type, statuses)).toEqual(situation);
    // Told again, with a detailed status or without, and whatever else happens in between.
    for (const echo of ['+', '']) {
      const echoed = statuses.flatMap((status, index) => {
        const stack = statuses.slice(0, index + 1).findLast((each) => !each.startsWith('.'))!;
        return stack.endsWith('_IN_PROGRESS') ? [status, stack + echo] : [status];
      });
      expect(situationOf(type, echoed)).toEqual(situation);
    }
  });

  test('an attempt begins with its operation, not with a step of it', () => {
    const echoed = [...UPDATING, 'UPDATE_IN_PROGRESS+', '.UPDATE_COMPLETE', 'UPDATE_IN_PROGRESS', ...BACK];
    expect(situationOf('Update', echoed).failed).toEqual({
      reportedSuccess: true,
      since: new Date(5 * MINUTE - 5_000).toISOString(),
    });
  });

  test('a step of which the operation is out of sight is no beginning', () => {
    const seen = events('UPDATE_IN_PROGRESS+', '.UPDATE_FAILED', ...BACK);
    const look = { status: 'UPDATE_ROLLBACK_IN_PROGRESS', history: readHistory(seen, false) };
    expect(situationOf('Update', UPDATING, { ...look, atMs: 9 * MINUTE }).failed).toBeNull();
    expect(containsOperationStart(seen.toReversed())).toBe(false);
  });

  test.each([
    [true, false],
    // Success may have been reported in what was not read.
    [false, 'unknown'],
  ] as const)('the beginning of the operation is there, and nothing older (%s)', (exhausted, told) => {
    const seen = events('UPDATE_IN_PROGRESS', '.UPDATE_IN_PROGRESS', '.UPDATE_FAILED', ...BACK);
    const look = { status: 'UPDATE_ROLLBACK_IN_PROGRESS', history: readHistory(seen, exhausted) };
    expect(situationOf('Update', UPDATING, { ...look, atMs: 9 * MINUTE }).failed?.reportedSuccess).toBe(told);
  });

  test('CloudFormation does not say', () => {
    const nothing = { status: null, history: null };
    expect(situationOf('Update', UPDATING, nothing)).toMatchObject({ direction: 'unknown', lenient: false });
    expect(situationOf('Create', UPDATING, nothing)).toMatchObject({ direction: 'forward', lenient: false });
    expect(situationOf('Delete', UPDATING, nothing)).toMatchObject({ direction: 'unknown', lenient: true });
  });

  test('the status can be had, the events cannot', () => {
    expect(situationOf('Update', [...UPDATING, '.UPDATE_FAILED', ...BACK], { history: null })).toEqual({
      direction: 'rollback',
      failed: null,
      lenient: true,
      relevance: 'wanted',
    });
  });

  test('events that do not reach back to the beginning of the attempt: nothing is known of what failed', () => {
    const history = readHistory(events('.UPDATE_FAILED', ...BACK), false);
    const look = { status: 'UPDATE_ROLLBACK_IN_PROGRESS', history, atMs: 9 * MINUTE };
    expect(situationOf('Update', UPDATING, look).failed).toBeNull();
  });

  test('an attempt begins with the first of its operations, less a little for the clocks', () => {
    const gone = [
      ...UPDATING,
      '.UPDATE_FAILED',
      'UPDATE_FAILED',
      'UPDATE_IN_PROGRESS',
      '.UPDATE_IN_PROGRESS',
    ];
    const { failed } = situationOf('Update', [...gone, '.UPDATE_FAILED', ...BACK]);
    expect(failed).toEqual({ reportedSuccess: false, since: new Date(5 * MINUTE - 5_000).toISOString() });
  });
});

describe('whether it is still wanted', () => {
  const during = (type: DeployEvent['type'], statuses: string[], began: number) =>
    situationOf(type, statuses, { atMs: began * MINUTE + 30_000 });

  test.each<[string, DeployEvent['type'], string[], number]>([
    ['cancelled, and rolled back', 'Update', [...UPDATING, '.UPDATE_FAILED', ...BACK], 6],
    [
      'rolled back, and done',
      'Update',
      [...UPDATING, '.UPDATE_FAILED', ...BACK, '.UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'],
      6,
    ],
    [
      'another deployment has begun',
      'Update',
      [
        ...UPDATING,
        '.UPDATE_FAILED',
        ...BACK,
        '.UPDATE_COMPLETE',
        'UPDATE_ROLLBACK_COMPLETE',
        'UPDATE_IN_PROGRESS',
        '.UPDATE_IN_PROGRESS',
      ],
      6,
    ],
    [
      'its Create was given up',
      'Create',
      [...MADE.slice(0, 3), '.CREATE_FAILED', 'ROLLBACK_IN_PROGRESS', '.DELETE_IN_PROGRESS'],
      2,
    ],
    ['answered already', 'Update', [...UPDATING, '.UPDATE_COMPLETE'], 6],
    ['an Update while the stack is deleted', 'Update', [...UPDATING, 'DELETE_IN_PROGRESS'], 7],
    ['a Create while the stack rolls back', 'Create', [...MADE.slice(0, 3), 'ROLLBACK_IN_PROGRESS'], 3],
    [
      'a Delete after which the stack was gone',
      'Delete',
      [...MADE, 'DELETE_IN_PROGRESS', '.DELETE_IN_PROGRESS', '.DELETE_COMPLETE', 'DELETE_COMPLETE'],
      6,
    ],
  ])('%s: overtaken', (_, type, statuses, began) => {
    expect(during(type, statuses, began).relevance).toBe('overtaken');
  });

  test.each(['', '+'])('told again while our request runs (%s): still wanted', (echo) => {
    expect(during('Update', [...UPDATING, `UPDATE_IN_PROGRESS${echo}`], 6).relevance).toBe('wanted');
    const step = events(...UPDATING, '.UPDATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS+').slice(-1);
    const look = { status: 'UPDATE_IN_PROGRESS', history: readHistory(step, false) };
    expect(classifyRequest({ type: 'Update', startedAtMs: 6 * MINUTE }, look, 9 * MINUTE).relevance).toBe(
      'wanted',
    );
  });

  test('a second COMPLETE of our resource, told again, ends no second request', () => {
    const all = events(...MADE, 'UPDATE_IN_PROGRESS', '.CREATE_COMPLETE');
    const look = { status: 'UPDATE_IN_PROGRESS', history: readHistory(all, true) };
    expect(classifyRequest({ type: 'Update', startedAtMs: 5 * MINUTE }, look, 9 * MINUTE).relevance).toBe(
      'wanted',
    );
  });

  test('a late one, when nothing goes on: looked at again, then overtaken', () => {
    const look = { status: 'UPDATE_COMPLETE', history: readHistory(events(...MADE), true) };
    const pending = { type: 'Update', startedAtMs: 60 * MINUTE } as const;
    expect(classifyRequest(pending, look, 60 * MINUTE + 59_000).relevance).toBe('unclear');
    expect(classifyRequest(pending, look, 61 * MINUTE + 1_000).relevance).toBe('overtaken');
  });

  test('clocks that differ by a second or two', () => {
    const all = events(...UPDATING);
    const look = { status: 'UPDATE_IN_PROGRESS', history: readHistory(all, true) };
    const pending = { type: 'Update', startedAtMs: 5 * MINUTE - 2_000 } as const;
    expect(classifyRequest(pending, look, 6 * MINUTE).relevance).toBe('wanted');
  });

  test('events that lag behind the status: looked at again, then in doubt', () => {
    const look = { status: 'UPDATE_ROLLBACK_IN_PROGRESS', history: readHistory(events(...UPDATING), true) };
    const pending = { type: 'Update', startedAtMs: 9 * MINUTE } as const;
    expect(classifyRequest(pending, look, 9 * MINUTE + 1_000).relevance).toBe('unclear');
    expect(classifyRequest(pending, look, 10 * MINUTE + 1_000)).toMatchObject({
      direction: 'rollback',
      relevance: 'wanted',
    });
  });

  test.each([
    ['our result is there, the beginning of the rollback is not', [...UPDATING, '.UPDATE_FAILED']],
    ['the rollback has begun, our result is not there', [...UPDATING, BACK[0]!]],
  ])('half of the events lag behind: %s', (_, statuses) => {
    const history = readHistory(events(...statuses), true);
    const look = { status: 'UPDATE_ROLLBACK_IN_PROGRESS', history };
    expect(situationOf('Update', statuses, look).relevance).toBe('unclear');
  });

  test('a rollback that begins a moment after our request was sent overtakes it, clocks or no clocks', () => {
    const statuses = [...UPDATING, '.UPDATE_FAILED', BACK[0]!];
    const began = (statuses.length - 1) * MINUTE;
    const relevance = (type: DeployEvent['type'], atMs: number) =>
      situationOf(type, statuses, { atMs }).relevance;
    expect(relevance('Update', began - 1)).toBe('overtaken');
    expect(relevance('Update', began)).toBe('wanted');
    expect(relevance('Delete', began - 1)).toBe('wanted');
  });

  test('the stack alone has changed since: overtaken', () => {
    const statuses = [...MADE.slice(0, 2), 'ROLLBACK_IN_PROGRESS', 'DELETE_IN_PROGRESS'];
    expect(situationOf('Delete', statuses, { atMs: 2 * MINUTE + 30_000 }).relevance).toBe('overtaken');
    const step = [...MADE.slice(0, 2), 'ROLLBACK_IN_PROGRESS', 'DELETE_IN_PROGRESS+'];
    expect(situationOf('Delete', step, { atMs: 2 * MINUTE + 30_000 }).relevance).toBe('wanted');
  });

  test('a Delete of which no event can be read goes forward, one in a rollback knows of no failure', () => {
    const look = { history: null, atMs: 4 * MINUTE };
    expect(situationOf('Delete', MADE, { ...look, status: 'DELETE_IN_PROGRESS' })).toMatchObject({
      direction: 'forward',
      relevance: 'wanted',
    });
    expect(situationOf('Delete', MADE, { ...look, status: 'ROLLBACK_IN_PROGRESS' })).toMatchObject({
      direction: 'rollback',
      failed: null,
    });
  });
});

test('an attempt in which our resource has no result says nothing of success', () => {
  expect(readReportedSuccess(readHistory(events(...UPDATING, BACK[0]!), true))).toBe('unknown');
});

test('how far back the events are read', () => {
  const newestFirst = (...statuses: string[]) => events(...statuses).reverse();
  const whole = [...UPDATING, '.UPDATE_FAILED', ...BACK];
  expect(containsOperationStart(newestFirst(...whole))).toBe(true);
  expect(containsOperationStart(newestFirst(...whole.slice(4)))).toBe(true);
  // The operation's beginning alone does not say what was before it.
  expect(containsOperationStart(newestFirst(...whole.slice(5)))).toBe(false);
  expect(
    containsOperationStart(newestFirst('UPDATE_FAILED', 'UPDATE_IN_PROGRESS', '.UPDATE_FAILED', ...BACK)),
  ).toBe(false);
  // What a Delete ends is not the attempt that failed.
  expect(
    containsOperationStart(newestFirst('.UPDATE_COMPLETE', 'UPDATE_COMPLETE', 'DELETE_IN_PROGRESS')),
  ).toBe(false);
  // Neither the stack's results nor a request that goes on are a result of our resource.
  expect(
    containsOperationStart(newestFirst('UPDATE_COMPLETE', 'UPDATE_IN_PROGRESS', '.UPDATE_IN_PROGRESS')),
  ).toBe(false);
  // An event of our resource does not say what the stack was.
  expect(containsOperationStart(newestFirst('.UPDATE_COMPLETE', 'UPDATE_IN_PROGRESS'))).toBe(false);
});
