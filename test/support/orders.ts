/** Generated orders of deployments, failures, rollbacks, duplicates and overlaps, and what has to hold after them. */
import { type Manifest, type Migration, makeManifest } from '../../lambda/contract/manifest';
import type { Deed } from './model';
import { fc } from './property';
import type { Trouble, World } from './world';

/** How a version of the application differs from the one before it. */
type Change =
  | { readonly kind: 'add'; readonly undo: 'automatic' | 'by-name' | 'none' }
  | { readonly kind: 'break' }
  | { readonly kind: 'fix' }
  | { readonly kind: 'remove' }
  | { readonly kind: 'repeatable' };

export type Operation =
  | {
      readonly kind: 'deploy';
      /** Which version, modulo their number. */
      readonly version: number;
      readonly laterFails: boolean;
      readonly disableRollback: boolean;
      readonly trouble: Trouble;
    }
  | { readonly kind: 'delete' }
  /** An old request is delivered once more, and nobody waits for it. */
  | { readonly kind: 'late'; readonly request: number };

export interface Story {
  readonly changes: readonly (readonly Change[])[];
  readonly operations: readonly Operation[];
  readonly rollbackAfterSuccess: boolean;
  readonly echoes: boolean;
}

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      undo: fc.constantFrom('automatic', 'by-name', 'none'),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'break' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'fix' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'remove' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'repeatable' as const }) },
) as fc.Arbitrary<Change>;

const at = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 3 });
const rarely = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);

export function stories({ dying }: { dying: boolean }): fc.Arbitrary<Story> {
  const trouble = fc
    .record({
      cancelAt: at,
      dieAt: dying ? at : fc.constant(undefined),
      dead: fc.option(fc.constantFrom('forward', 'always'), { nil: undefined, freq: 6 }),
      refuseLooks: fc.integer({ min: 0, max: 12 }).map((n) => n === 0),
      twice: rarely,
    })
    // Nobody can tell a rollback when neither CloudFormation nor the ledger answers: docs/rollback.md.
    .map((all) => (all.dead === 'always' ? { ...all, refuseLooks: false } : all)) as fc.Arbitrary<Trouble>;
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('deploy' as const),
        version: fc.nat({ max: 20 }),
        laterFails: rarely,
        disableRollback: rarely,
        trouble,
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'delete' as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('late' as const), request: fc.nat({ max: 30 }) }) },
  );
  return fc.record({
    changes: fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
    operations: fc.array(operation, { minLength: 1, maxLength: 8 }),
    rollbackAfterSuccess: rarely,
    echoes: fc.boolean(),
  });
}

export type MakeMigration = (
  name: string,
  how: {
    readonly undo: 'automatic' | 'by-name' | 'none';
    readonly broken: boolean;
    readonly flavour: number;
  },
) => Migration;

/** Versions of the application, each from the one before. Numbers are never used twice but to fix what never worked. */
export function versionsOf(story: Story, make: MakeMigration): Manifest[] {
  interface Sketch {
    readonly name: string;
    readonly undo: 'automatic' | 'by-name' | 'none';
    readonly broken: boolean;
    readonly flavour: number;
  }
  let number = 1;
  let flavour = 0;
  const next = (): string => `${String(++number).padStart(4, '0')}_m`;
  let sketches: Sketch[] = [{ name: '0001_m', undo: 'none', broken: false, flavour }];
  const manifest = (): Manifest => {
    const all = sketches.map((each) => make(each.name, each));
    const versioned = all.filter(({ kind }) => kind === 'versioned');
    return makeManifest([...versioned, ...all.filter(({ kind }) => kind === 'repeatable')]);
  };
  const manifests = [manifest()];
  for (const changes of story.changes) {
    for (const each of changes) {
      flavour++;
      if (each.kind === 'add') sketches.push({ name: next(), undo: each.undo, broken: false, flavour });
      else if (each.kind === 'break')
        sketches.push({ name: next(), undo: 'automatic', broken: true, flavour });
      else if (each.kind === 'fix')
        sketches = sketches.map((s) => (s.broken ? { ...s, broken: false, flavour } : s));
      else if (each.kind === 'remove') sketches = sketches.length > 1 ? sketches.slice(0, -1) : sketches;
      else {
        sketches = sketches.filter(({ name }) => name !== 'R__view');
        sketches.push({ name: 'R__view', undo: 'none', broken: false, flavour });
      }
    }
    manifests.push(manifest());
  }
  return manifests;
}

export interface Book {
  readonly deeds: readonly Deed[];
  readonly applied: readonly string[];
}

const GONE = new Set(['REVIEW_IN_PROGRESS', 'ROLLBACK_COMPLETE', 'DELETE_COMPLETE']);
const STABLE = /^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/;

/** @throws when something does not hold */
export async function play(
  world: World,
  story: Story,
  manifests: readonly Manifest[],
  book: () => Promise<Book>,
): Promise<void> {
  /** What CloudFormation believes the schema to be. */
  let believed: Manifest | null = null;
  /** Requests since the stack was last at rest: with rollback disabled, several operations are one attempt. */
  let attempt = new Set<string>();
  let succeeded = false;
  const operations = [...story.operations];
  world.echoes = story.echoes;
  for (let operation = operations.shift(); operation; operation = operations.shift()) {
    world.clock.ms += 60_000;
    if (operation.kind === 'deploy' && world.stack.status === 'CREATE_FAILED') {
      operations.unshift(operation);
      operation = { kind: 'delete' };
    }
    const { requests, answers } = world.customResources;
    const [firstRequest, firstAnswer] = [requests.length, answers.length];
    const before = await book();
    if (operation.kind === 'late') {
      const request = requests[operation.request % Math.max(1, requests.length)];
      if (request) world.again(request);
      continue;
    }
    if (operation.kind === 'delete') {
      if (!GONE.has(world.stack.status)) await world.stack.delete();
    } else {
      const manifest = manifests[operation.version % manifests.length]!;
      const { trouble } = operation;
      const deployment = operation;
      await world.during(trouble, () => deploy(world, story, deployment, manifest));
      if (/^(CREATE|UPDATE)_COMPLETE$/.test(world.stack.status)) believed = manifest;
    }
    if (GONE.has(world.stack.status)) believed = null;
    await world.settle();

    const { status } = world.stack;
    must(!/(ROLLBACK|DELETE)_FAILED$/.test(status), `the stack is stuck: ${status}`);
    const now = await book();
    must(now.deeds.length >= before.deeds.length, 'deeds are never forgotten');
    nothingTwice(now.deeds);
    for (const { RequestId } of requests.slice(firstRequest)) attempt.add(RequestId);
    const direct = answers.slice(firstAnswer).filter(({ counted }) => counted);
    const forward = direct.find(({ requestType }) => requestType !== 'Delete');
    succeeded ||= forward?.status === 'SUCCESS' && !world.wentBack(forward.requestId);
    onlyOwnUndone(now.deeds.slice(before.deeds.length), attempt, succeeded && !story.rollbackAfterSuccess);
    if (STABLE.test(status) || GONE.has(status)) {
      attempt = new Set();
      succeeded = false;
    }
    if (believed && STABLE.test(status)) {
      const wanted = new Set(believed.migrations.map(({ name }) => name));
      for (const name of wanted)
        must(now.applied.includes(name), `${name} is believed to be there, and is not`);
      const said = JSON.stringify(answers.slice(firstAnswer).map(({ data }) => data));
      const unknown = /"unknown"|left the schema as it is|This run was stopped|and \d+ more/.test(said);
      const nobodyAsked = requests.length === firstRequest;
      for (const name of now.applied) {
        must(
          wanted.has(name) || said.includes(name) || unknown || nobodyAsked,
          `${name} is ahead of what CloudFormation believes, and nobody said so: ${said}`,
        );
      }
    }
  }
  await world.settle();
}

async function deploy(
  world: World,
  story: Story,
  operation: Extract<Operation, { kind: 'deploy' }>,
  manifest: Manifest,
): Promise<void> {
  const template = {
    code: manifest,
    schema: world.properties(manifest, story.rollbackAfterSuccess),
    application: manifest.hash,
    applicationFails: operation.laterFails,
  };
  const { disableRollback } = operation;
  if (world.stack.status !== 'REVIEW_IN_PROGRESS' && GONE.has(world.stack.status)) world.newStack();
  if (world.stack.status === 'REVIEW_IN_PROGRESS') await world.stack.create(template, { disableRollback });
  else await world.stack.update(template, { disableRollback });
}

/** Applied once, until it is undone; a repeatable may come again. */
function nothingTwice(deeds: readonly Deed[]): void {
  const standing = new Set<string>();
  for (const { action, name } of deeds) {
    if (name.startsWith('R__')) continue;
    must(action === 'apply' ? !standing.has(name) : standing.has(name), `${name}: ${action} twice`);
    if (action === 'apply') standing.add(name);
    else standing.delete(name);
  }
}

/** Nothing that an older deployment applied, and nothing once the new application may be running. */
function onlyOwnUndone(deeds: readonly Deed[], attempt: ReadonlySet<string>, reportedSuccess: boolean): void {
  for (const { action, name, of } of deeds) {
    if (action === 'apply') continue;
    must(attempt.has(of), `${name} was undone, and another deployment had applied it`);
    must(!reportedSuccess, `${name} was undone after success had been reported`);
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
