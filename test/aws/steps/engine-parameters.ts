import { buildDatabaseParameters } from '../../../lib/stacks/database-parameters';
import { element, elements, query } from '../query';
import { type Finding, found, notSettled, type Step } from '../step';

const MAJORS = [13, 14, 15, 16, 17, 18] as const;
const KINDS = [
  { family: 'postgres', action: 'DescribeEngineDefaultParameters' },
  { family: 'aurora-postgresql', action: 'DescribeEngineDefaultClusterParameters' },
] as const;

/** As AWS describes it; absent fields are not in its answer. */
export interface Parameter {
  readonly name: string;
  readonly modifiable: boolean;
  /** `0,1`, `-1-2147483647`, or words with commas. */
  readonly allowed: string | null;
  readonly applyType: string | null;
  readonly value: string | null;
}

/** By family, e.g. `postgres17`; a family that AWS does not know is null. */
export type EngineParametersRecording = Readonly<Record<string, readonly Parameter[] | null>>;

/** Whether AWS would take the value. What it does not describe is not refused. */
export function allows(allowed: string | null, value: string): boolean {
  if (allowed === null || allowed === '') return true;
  return allowed.split(',').some((part) => {
    const [, low, high] = /^(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)$/.exec(part.trim()) ?? [];
    if (low === undefined) return part.trim() === value;
    return value !== '' && Number(value) >= Number(low) && Number(value) <= Number(high);
  });
}

/** What would be refused if Trueup set it: a sentence each. */
export function refusals(family: string, major: number, parameters: readonly Parameter[]): string[] {
  const wanted = [true, false].flatMap((logStatements) =>
    Object.entries(buildDatabaseParameters({ majorVersion: major, logStatements })),
  );
  const problems = wanted.flatMap(([name, value]) => {
    const known = parameters.find((each) => each.name === name);
    if (known === undefined) return [`${family} has no ${name}`];
    if (!known.modifiable) return [`${family}: ${name} cannot be modified`];
    return allows(known.allowed, value) ? [] : [`${family}: ${name} does not take ${value}`];
  });
  return [...new Set(problems)];
}

export const engineParameters: Step = {
  id: 'engine-parameters',
  part: 'reads',
  title: 'the server settings that Trueup makes, against those that RDS and Aurora describe',
  locally: { why: 'the local AWS describes no parameters', skip: true },
  async run({ aws, tell, record }) {
    const recording: Record<string, readonly Parameter[] | null> = {};
    const findings: Finding[] = [];
    const problems: string[] = [];
    for (const { family: kind, action } of KINDS) {
      for (const major of MAJORS) {
        const family = `${kind}${major}`;
        const parameters = await describe(aws.region, action, family);
        recording[family] = parameters?.filter(({ name }) => ofInterest(name)) ?? null;
        if (parameters === null) findings.push(notSettled(`${family} is no family in this region.`));
        else problems.push(...refusals(family, major, parameters));
      }
      tell(`${kind}: ${MAJORS.join(', ')}`);
    }
    record(recording satisfies EngineParametersRecording);
    const families = Object.values(recording).filter((each) => each !== null).length;
    if (families > 0)
      findings.unshift(
        found(
          problems.length === 0,
          `Every setting is there, can be modified and takes its value, in ${families} families; a cluster's group has them too.`,
          `${problems.join('; ')}.`,
        ),
        ...forceSsl(recording),
      );
    return findings;
  },
};

/** RDS from 18 on; below, `buildDatabaseParameters` sets it and the check of all settings looks at it. */
export function forceSsl(recording: EngineParametersRecording): Finding[] {
  const parameters = recording.postgres18;
  if (!parameters) return [];
  return [
    found(
      !parameters.some(({ name }) => name === 'rds.force_ssl'),
      'postgres18 has no rds.force_ssl.',
      'postgres18 has rds.force_ssl, which Trueup leaves out: set it where TLS is to be the only way in.',
    ),
  ];
}

const NAMES = new Set([
  ...Object.keys(buildDatabaseParameters({ majorVersion: 13, logStatements: true })),
  'log_line_prefix',
  'log_destination',
]);
const ofInterest = (name: string): boolean => NAMES.has(name);

async function describe(region: string, action: string, family: string): Promise<Parameter[] | null> {
  const found: Parameter[] = [];
  let marker: string | null = null;
  do {
    let xml: string;
    try {
      xml = await query('rds', region, action, {
        DBParameterGroupFamily: family,
        MaxRecords: '100',
        ...(marker === null ? {} : { Marker: marker }),
      });
    } catch (error) {
      const { name, message } = error as Error;
      if (/InvalidParameterValue|DBParameterGroupNotFound/.test(name) && /family/i.test(message)) return null;
      throw error;
    }
    found.push(...elements(xml, 'Parameter').map(parameter));
    marker = element(xml, 'Marker');
  } while (marker);
  return found;
}

const parameter = (xml: string): Parameter => ({
  name: element(xml, 'ParameterName') ?? '',
  modifiable: element(xml, 'IsModifiable') === 'true',
  allowed: element(xml, 'AllowedValues'),
  applyType: element(xml, 'ApplyType'),
  value: element(xml, 'ParameterValue'),
});
