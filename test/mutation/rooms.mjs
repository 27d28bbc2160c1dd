/**
 * What is mutated, room by room: the files that decide. `tests` meet every mutant; `slower` ones meet only what those
 * left alive, since they take seconds each. A name is a folder of tests, or one file.
 */
const tests = (folder, names) => names.split(' ').map((name) => `test/${folder}/${name}.test.ts`);

export const ROOMS = {
  deploy: {
    mutate: ['lambda/deploy/{classify-request,converge-request,decide,history,poll,reason,stack-state}.ts'],
    tests: [
      ...tests('deploy', 'classify-request converge-request decide poll reason stack-state'),
      'test/contract/custom-resource.test.ts',
    ],
    slower: tests('deploy', 'orders orders-postgres'),
  },
  plan: {
    mutate: ['lambda/engine/plan/{baseline,history,plan,renamed,report,rollback}.ts'],
    tests: tests('engine/plan', 'plan renamed report'),
    slower: [
      ...tests('engine/plan', 'baseline history rollback overtaken other-tools dbmate'),
      'test/deploy/orders.test.ts',
    ],
  },
  engine: {
    mutate: [
      'lambda/engine/apply/{script,failures,execute,outcome}.ts',
      'lambda/engine/locks/locks.ts',
      'lambda/engine/ledger/rows.ts',
      'lambda/engine/time/limits.ts',
      'lambda/engine/undo/{undo,down}.ts',
      'lambda/engine/verify.ts',
      'lambda/postgres/server-words.ts',
    ],
    tests: [
      ...tests('engine', 'shared-message converge'),
      ...tests('engine/apply', 'row-data raised'),
      ...tests('engine/ledger', 'ledger'),
      ...tests('engine/locks', 'locks'),
    ],
    slower: [
      ...tests('engine/apply', 'together outside indexes rivals leftovers'),
      ...tests('engine/locks', 'hold blockers'),
      ...tests('engine/plan', 'rollback'),
    ],
  },
  compiler: {
    mutate: [
      'lib/compiler/rules/{alter-table,checks,columns,consent,data,drop,held-locks,indexes,tables}.ts',
      'lib/compiler/{migration,reversible,verify-timing}.ts',
    ],
    tests: [
      ...tests('compiler', 'reversible manifest lint'),
      ...tests('compiler/rules', 'classify outside consent-holes'),
      ...tests('compiler/read', 'text history'),
    ],
    slower: [...tests('compiler', 'adversarial'), ...tests('compiler/rules', 'locks')],
  },
  defects: {
    mutate: ['lambda/defects/*/*.ts', 'lambda/sql/{clauses,predicates,scan}.ts'],
    tests: ['test/sql', ...tests('defects', 'migrations standing kinds on-call documentation diagnose')],
    slower: tests('defects', 'cases conflict-target-name repair-rows'),
  },
  page: { mutate: ['lambda/page/*.ts'], tests: ['test/page'], slower: [] },
};
