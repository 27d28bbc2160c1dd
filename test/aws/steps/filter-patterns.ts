import { TestMetricFilterCommand } from '@aws-sdk/client-cloudwatch-logs';
import { compileFilterPattern } from '../../support/filter-pattern';
import { fingerprint, libraryPatterns, sampleEvents } from '../patterns';
import { type Finding, found, type Step } from '../step';

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html */
const EVENTS_A_CALL = 50;

/** Read by test/aws/recordings.test.ts. */
export interface FilterPatternsRecording {
  /** Fingerprints of what was sent. */
  readonly events: readonly string[];
  readonly patterns: readonly {
    readonly use: string;
    readonly pattern: string;
    /** Fingerprints of the events that CloudWatch says match. */
    readonly matches: readonly string[];
  }[];
}

export const filterPatterns: Step = {
  id: 'filter-patterns',
  part: 'reads',
  title: 'every filter pattern on lines of real servers, in CloudWatch and here',
  locally: { why: 'the local AWS has a reading of its own of the pattern language' },
  async run({ aws, tell, record }) {
    const events = await sampleEvents();
    const patterns = libraryPatterns();
    const recording: FilterPatternsRecording['patterns'][number][] = [];
    const differences: string[] = [];
    let answered = 0;
    for (const { use, pattern } of patterns) {
      const matches = new Set<string>();
      for (let at = 0; at < events.length; at += EVENTS_A_CALL) {
        const batch = events.slice(at, at + EVENTS_A_CALL);
        const answer = await aws.logs.send(
          new TestMetricFilterCommand({ filterPattern: pattern, logEventMessages: batch }),
        );
        // By their text: the events of a batch are distinct, and whether numbers begin with 0 need not be known.
        for (const { eventMessage } of answer.matches ?? []) matches.add(eventMessage ?? '');
      }
      const ours = compileFilterPattern(pattern);
      const apart = events.filter((event) => ours(event) !== matches.has(event));
      if (apart.length > 0) {
        differences.push(use);
        tell(`${use}: ${apart.length} lines differ, e.g. ${JSON.stringify(apart[0])}`);
      }
      recording.push({ use, pattern, matches: [...matches].map(fingerprint).sort() });
      answered++;
      if (answered % 20 === 0) tell(`${answered} of ${patterns.length} patterns`);
    }
    record({ events: events.map(fingerprint).sort(), patterns: recording } satisfies FilterPatternsRecording);
    return [conclusion(patterns.length, events.length, differences)];
  },
};

const conclusion = (patterns: number, events: number, differences: readonly string[]): Finding =>
  found(
    differences.length === 0,
    `CloudWatch matches what is expected: ${patterns} patterns on ${events} lines.`,
    `CloudWatch reads ${differences.length} of ${patterns} patterns otherwise: ${[...new Set(differences)].join('; ')}.`,
  );
