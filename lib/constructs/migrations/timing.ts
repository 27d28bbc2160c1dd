/** Computes the timeouts of a deployment. Each limit contains the next; synth fails if one does not fit. */
import { Duration } from 'aws-cdk-lib';

/** Time limits of a deployment. */
export interface TimingProps {
  /**
   * Maximum time of a deployment, from its first event until it is answered with FAILED. The last slice is cut to the time that
   * is left. If an index build is still running then, it continues in the server, and the next deployment finds it.
   * Total timeout and last slice must fit into the hour that CloudFormation waits.
   * @default - `Duration.minutes(50)`, or less if a longer slice leaves less of the hour
   */
  readonly totalTimeout?: Duration;
  /**
   * Time that one invocation of `migrate` works before it stops at a safe point and is invoked again.
   * @default - `Duration.seconds(90)`, or `totalTimeout` if that is shorter
   */
  readonly slice?: Duration;
  /**
   * Interval at which the provider framework polls, in whole seconds from 1 second to 5 minutes.
   * @default Duration.seconds(5)
   */
  readonly queryInterval?: Duration;
  /**
   * Maximum time to wait for a database that cannot be reached, over all attempts. After that, a deployment fails, but a
   * rollback or Delete succeeds with a report: a stack that cannot roll back is worse than a schema that is ahead of its
   * code. A rollback also waits no longer than this for anything else, e.g. for an index that the server is building.
   * @default - `Duration.minutes(5)`, or `totalTimeout` if that is shorter
   */
  readonly connectTimeout?: Duration;
}

export interface Timing {
  readonly totalTimeout: Duration;
  readonly slice: Duration;
  readonly queryInterval: Duration;
  readonly connectTimeout: Duration;
  /** Timeout of the `migrate` function. */
  readonly migrateTimeout: Duration;
  /** Time that `deploy` waits for one invocation, long enough for Lambda to have ended it. */
  readonly answerTimeout: Duration;
  /** Timeout of the `deploy` function, which may invoke `migrate` several times if it dies. */
  readonly deployTimeout: Duration;
  /** `ServiceTimeout` of the custom resource: the time that CloudFormation waits for it. */
  readonly serviceTimeout: Duration;
  /**
   * Timeout of the provider framework, which counts attempts and not time. It is long enough that the framework never
   * gives up before `deploy` does.
   */
  readonly frameworkTimeout: Duration;
}

/**
 * CloudFormation waits at most an hour (ServiceTimeout,
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html).
 */
const MAX_SERVICE_TIMEOUT_S = 3600;
/** The framework's functions end after 15 minutes and must still be running to report that ours failed. */
const DEPLOY_TIMEOUT_S = 14 * 60;
/** Time that `migrate` needs in addition to a slice: to load, to connect and to write the ledger. */
const MIGRATE_MARGIN_S = 30;
/** Time for Lambda's response after it has ended `migrate`. */
const ANSWER_MARGIN_S = 10;
/** Time that `deploy` needs in addition to an invocation: to query CloudFormation and to answer. */
const DEPLOY_MARGIN_S = 60;

/** Computes all timeouts from the props. @throws {Error} naming the limit that does not hold, with the numbers */
export function computeTiming(props: TimingProps): Timing {
  const givenS = props.totalTimeout && toSeconds('totalTimeout', props.totalTimeout, 30);
  const sliceS = toSeconds('slice', props.slice ?? Duration.seconds(Math.min(90, givenS ?? 90)), 2);
  const intervalS = toSeconds('queryInterval', props.queryInterval ?? Duration.seconds(5), 1);
  const migrateS = sliceS + MIGRATE_MARGIN_S;
  const answerTimeoutS = migrateS + ANSWER_MARGIN_S;
  const pollS = answerTimeoutS + DEPLOY_MARGIN_S;
  if (pollS > DEPLOY_TIMEOUT_S) {
    throw new Error(
      `slice (${sliceS} s) is too long: with ${pollS - sliceS} s around it, it must end within ${DEPLOY_TIMEOUT_S} s. ` +
        `Set slice to at most ${DEPLOY_TIMEOUT_S - (pollS - sliceS)} s; longer work is finished over several slices.`,
    );
  }
  // The last slice may begin just before the deadline, with a poll interval before and after it.
  const afterwardsS = pollS + 2 * intervalS;
  const longestS = MAX_SERVICE_TIMEOUT_S - afterwardsS;
  const totalS = givenS ?? Math.min(3000, longestS);
  if (totalS > longestS) {
    throw new Error(
      `totalTimeout (${totalS} s) does not fit: with ${afterwardsS} s for the last slice it passes the ` +
        `${MAX_SERVICE_TIMEOUT_S} s that CloudFormation waits for a custom resource. ` +
        `Set totalTimeout to at most ${longestS} s, or a shorter slice or queryInterval.`,
    );
  }
  if (sliceS > totalS) {
    throw new Error(`slice (${sliceS} s) must not be longer than totalTimeout (${totalS} s).`);
  }
  const waitS = toSeconds(
    'connectTimeout',
    props.connectTimeout ?? Duration.seconds(Math.min(300, totalS)),
    1,
  );
  if (waitS > totalS) {
    throw new Error(`connectTimeout (${waitS} s) must not be longer than totalTimeout (${totalS} s).`);
  }
  const serviceS = totalS + afterwardsS;
  return {
    totalTimeout: Duration.seconds(totalS),
    slice: Duration.seconds(sliceS),
    queryInterval: Duration.seconds(intervalS),
    connectTimeout: Duration.seconds(waitS),
    migrateTimeout: Duration.seconds(migrateS),
    answerTimeout: Duration.seconds(answerTimeoutS),
    deployTimeout: Duration.seconds(DEPLOY_TIMEOUT_S),
    serviceTimeout: Duration.seconds(serviceS),
    // The framework's timeout must be a multiple of the interval.
    frameworkTimeout: Duration.seconds(Math.ceil(serviceS / intervalS) * intervalS),
  };
}

function toSeconds(name: string, duration: Duration, least: number): number {
  if (duration.isUnresolved()) throw new Error(`${name} must be known at synth, not a token.`);
  const value = duration.toSeconds({ integral: false });
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`${name} must be a whole number of seconds, ${least} at least; it is ${value} s.`);
  }
  return value;
}
