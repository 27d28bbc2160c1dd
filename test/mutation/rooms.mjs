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
    slower: [],
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
      'lambda/engine/apply/{script,execute}.ts',
      'lambda/engine/locks/locks.ts',
      'lambda/engine/undo/undo.ts',
      'lambda/engine/verify.ts',
      'lambda/postgres/server-words.ts',
    ],
    tests: [
      ...tests('engine', 'shared-message converge'),
      ...tests('engine/apply', 'row-data'),
      ...tests('engine/ledger', 'ledger'),
      ...tests('engine/locks', 'locks'),
    ],
    slower: [
      ...tests('engine/apply', 'together rivals leftovers'),
      ...tests('engine/locks', 'hold blockers'),
      ...tests('engine/plan', 'rollback'),
    ],
  },
  compiler: {
    mutate: [
      'lib/compiler/rules/{alter-table,checks,columns,data,drop,held-locks,indexes}.ts',
      'lib/compiler/{reversible,verify-timing}.ts',
    ],
    tests: [
      ...tests('compiler', 'reversible manifest lint'),
      ...tests('compiler/rules', 'classify outside consent-holes'),
    ],
    slower: [
      ...tests('compiler', 'adversarial'),
      ...tests('compiler/rules', 'locks'),
      ...tests('compiler/read', 'text'),
    ],
  },
  defects: {
    mutate: ['lambda/defects/{diagnosis,repair,signatures}/*.ts', 'lambda/defects/standing.ts'],
    tests: tests('defects', 'standing migrations kinds diagnose cases'),
    slower: ['test/sql', ...tests('defects', 'conflict-target-name repair-rows on-call')],
  },
  page: { mutate: ['lambda/page/*.ts'], tests: ['test/page'], slower: [] },
};
