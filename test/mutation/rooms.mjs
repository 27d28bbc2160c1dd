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
      'lambda/page/logs/{application-lines,collect,error-reader,log-lines,moments,read}.ts',
      'lambda/page/document/{finding,links,render,section}.ts',
    ],
    tests: [
      ...tests('page', 'alarm'),
      ...tests('page/logs', 'application-lines collect error-reader log-lines moments read'),
      ...tests('page/document', 'finding render section'),
    ],
  },
  notify: {
    mutate: ['lambda/notify/{answer,deliver,outbound,secret,settings}.ts'],
    tests: tests('notify', 'deliver'),
  },
  'fleet-run': {
    mutate: ['lambda/fleet-run/{ask,backward,decide,forward,list,poll,results,run,stop,tally,words}.ts'],
    tests: tests('fleet-run', 'ask decide list poll poll-answers rounds stop tally words'),
    oneIn: 3,
  },
  fleet: {
    mutate: [
      'lambda/fleet/{arithmetic,drift,entries,room,sample,targets,waves}.ts',
      'lambda/migrate/fleet/answer.ts',
    ],
    tests: [
      ...tests('fleet', 'arithmetic drift room sample targets waves'),
      ...tests('migrate/fleet', 'answer'),
    ],
    oneIn: 3,
  },
  audit: {
    mutate: ['lambda/audit/**/*.ts', 'lib/audit/**/*.ts'],
    tests: [
      ...tests('audit', 'catalogue docs file harmless-check rows snapshot structure write'),
      ...tests('audit/html', 'graph page'),
      ...tests('audit/sources', 'head literal split sqlite'),
      ...tests('defects', 'audit'),
    ],
    server: true,
    oneIn: 80,
  },
  adopt: {
    mutate: ['lib/adopt/{entry,ledger,listing,names,statements,verify}.ts', 'lib/adopt/tools/*.ts'],
    tests: tests('adopt', 'flyway-drizzle ledgers names statements tools verify'),
    server: true,
    oneIn: 10,
  },
};
