/**
 * What is mutated, room by room: the files that decide. `tests` meet every mutant; `slower` ones meet only what those
 * left alive, since they take seconds each. A name is a folder of tests, or one file.
 */
const tests = (folder, names) => names.split(' ').map((name) => `test/${folder}/${name}.test.ts`);

export const ROOMS = {
  deploy: {
    mutate: ['lambda/deploy/{classify-request,converge-request,decide,history,poll,reason,stack-state}.ts'],
    tests: [
      ...tests('deploy', 'classify-request converge-request decide poll poll-answers reason stack-state'),
      'test/contract/custom-resource.test.ts',
    ],
    slower: [],
  },
  engine: {
    mutate: [
      'lambda/engine/plan/{plan,rollback,history}.ts',
      'lambda/engine/locks/locks.ts',
      'lambda/engine/apply/{script,execute}.ts',
      'lambda/engine/undo/undo.ts',
    ],
    tests: [
      ...tests('engine/plan', 'plan rollback-decision history-decision'),
      ...tests('engine/locks', 'lock-plan'),
      ...tests('engine/apply', 'script'),
    ],
    slower: [
      ...tests('engine', 'shared-message'),
      ...tests('engine/ledger', 'ledger'),
      ...tests('engine/locks', 'locks hold'),
      ...tests('engine/plan', 'history rollback baseline'),
    ],
  },
  compiler: {
    mutate: [
      'lib/compiler/rules/{checks,columns,drop,held-locks,indexes}.ts',
      'lib/compiler/{reversible,verify-timing}.ts',
    ],
    tests: [...tests('compiler', 'reversible manifest'), ...tests('compiler/rules', 'classify')],
    slower: [
      ...tests('compiler', 'lint docs adversarial'),
      ...tests('compiler/rules', 'outside consent-holes locks'),
      ...tests('compiler/read', 'text'),
    ],
  },
  defects: {
    mutate: [
      'lambda/defects/{standing,migrations}.ts',
      'lambda/defects/diagnosis/{not-null,not-null-case,duplicate-key,on-conflict}.ts',
      'lambda/sql/predicates.ts',
    ],
    tests: [...tests('sql', 'predicates'), ...tests('defects', 'standing migrations')],
    slower: tests('defects', 'cases diagnose'),
  },
  page: { mutate: ['lambda/page/*.ts'], tests: ['test/page'], slower: [] },
};
