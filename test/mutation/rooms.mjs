/**
 * What is mutated by a tool, room by room: the files that decide, with the tests that need no server, since every mutant
 * meets its tests anew. `server`: one is started for those that do. `oneIn`: only one mutant in so many is made, the same ones
 * in every run. What SQL alone decides is in known.mjs.
 */
const tests = (folder, names) => names.split(' ').map((name) => `test/${folder}/${name}.test.ts`);

export const ROOMS = {
  deploy: {
    mutate: ['lambda/deploy/{classify-request,converge-request,decide,history,poll,reason,stack-state}.ts'],
    tests: [
      ...tests('deploy', 'classify-request converge-request decide poll poll-answers reason stack-state'),
      ...tests('contract', 'custom-resource'),
    ],
  },
  engine: {
    mutate: [
      'lambda/engine/plan/{plan,rollback,history}.ts',
      'lambda/engine/locks/locks.ts',
      'lambda/engine/apply/{script,script-builder,raise-rows}.ts',
      'lambda/engine/undo/{script,step}.ts',
    ],
    tests: [
      ...tests('engine/plan', 'forward-decision rollback-decision history-decision'),
      ...tests('engine/locks', 'lock-plan'),
      ...tests('engine/apply', 'script'),
      ...tests('engine/undo', 'step'),
    ],
  },
  compiler: {
    mutate: ['lib/compiler/{reversible,verify-timing}.ts', 'lib/compiler/rules/{consent,drop,held-locks}.ts'],
    tests: [
      ...tests('compiler', 'reversible reversible-forms manifest lint'),
      ...tests('compiler/rules', 'classify consent drop held-locks'),
    ],
  },
  defects: {
    mutate: ['lambda/defects/{migration-sentences,migrations}.ts', 'lambda/sql/predicates.ts'],
    tests: [
      ...tests('sql', 'predicates'),
      ...tests('defects', 'migration-sentences migrations migrations-over-time'),
    ],
  },
  page: {
    mutate: [
      'lambda/page/alarm.ts',
      'lambda/page/logs/{application-lines,collect,error-reader,log-lines,moments,read-errors}.ts',
      'lambda/page/document/{diagnosed-error,links,render,section}.ts',
    ],
    tests: [
      ...tests('page', 'alarm'),
      ...tests('page/logs', 'application-lines collect error-reader log-lines moments read-errors'),
      ...tests('page/document', 'diagnosed-error render section'),
    ],
  },
  notify: {
    mutate: ['lambda/notify/{answer,deliver,notify-outbound,notify-settings,secret}.ts'],
    tests: tests('notify', 'deliver'),
  },
  'fleet-run': {
    mutate: [
      'lambda/fleet-run/{answer-query,backward,decide,forward,list,messages,poll,results,run,stop,tally}.ts',
    ],
    tests: tests('fleet-run', 'answer-query decide list messages poll poll-answers rounds stop tally'),
    oneIn: 3,
  },
  fleet: {
    mutate: [
      'lambda/fleet/{arithmetic,connection-headroom,drift,entries,sample,tenant-list,waves}.ts',
      'lambda/migrate/fleet/answer.ts',
    ],
    tests: [
      ...tests('fleet', 'arithmetic connection-headroom drift sample tenant-list waves'),
      ...tests('migrate/fleet', 'answer'),
    ],
    oneIn: 3,
  },
  audit: {
    mutate: ['lambda/audit/**/*.ts', 'lib/audit/**/*.ts'],
    tests: [
      ...tests('audit', 'catalog docs file harmless-check rows snapshot structure write'),
      ...tests('audit/html', 'graph page'),
      ...tests('audit/sources', 'head literal split sqlite'),
      ...tests('defects', 'audit'),
    ],
    server: true,
    oneIn: 80,
  },
  adopt: {
    mutate: [
      'lib/adopt/{draft-verify,entry,file-names,ledger,listing,statements}.ts',
      'lib/adopt/tools/*.ts',
    ],
    tests: tests('adopt', 'draft-verify file-names flyway-drizzle ledgers statements tools'),
    server: true,
    oneIn: 10,
  },
};
