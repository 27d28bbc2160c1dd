/** How long everything may take. Each limit contains the next; what does not fit fails at synth. */
import { Duration } from 'aws-cdk-lib';

export interface TimingProps {
  /**
   * From the first event of a deployment until it is answered with FAILED; the last slice is cut to what is left. An index build that is still running then goes
   * on in the server, and the next deployment finds it.
   * @default - 50 minutes, or what fits beside a longer slice
   */
  readonly totalTimeout?: Duration;
  /**
   * How long one invocation of `migrate` works before it stops at a safe point and is invoked again.
   * @default - 90 seconds, or `totalTimeout` where that is shorter
   */
  readonly slice?: Duration;
  /**
   * Pause between two polls of the provider framework.
   * @default - 5 seconds
   */
  readonly queryInterval?: Duration;
  /**
   * How long a database that cannot be reached is waited for. Then a deployment fails, while a rollback or Delete answers
   * with success and a report: a stack that cannot roll back is worse than a schema that is ahead.
   * @default - 5 minutes, or `totalTimeout` where that is shorter
   */
  readonly databaseWait?: Duration;
}

export interface Timing {
  readonly totalTimeout: Duration;
  readonly slice: Duration;
  readonly queryInterval: Duration;
  readonly databaseWait: Duration;
  /** Timeout of the `migrate` function. */
  readonly migrateTimeout: Duration;
  /** How long `deploy` waits for one invocation: until Lambda has ended it. */
  readonly answerTimeout: Duration;
  /** Timeout of the `deploy` function, which may invoke `migrate` several times when it dies. */
  readonly deployTimeout: Duration;
  /** CloudFormation's own patience with the custom resource. */
  readonly serviceTimeout: Duration;
  /** The framework counts attempts, not time: so many that it never gives up before `deploy` does. */
  readonly frameworkTimeout: Duration;
}

/** CloudFormation waits an hour at most (ServiceTimeout, https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html). */
const SERVICE_TIMEOUT_MAX_S = 3600;
/** The framework's functions end after 15 minutes, and must live to tell of a failure of ours. */
const DEPLOY_TIMEOUT_S = 14 * 60;
/** `migrate` around a slice: to load, to connect, to write the ledger. */
const MIGRATE_MARGIN_S = 30;
/** Lambda's answer that `migrate` was ended. */
const ANSWER_MARGIN_S = 10;
/** `deploy` around an invocation: to ask CloudFormation, to answer. */
const DEPLOY_MARGIN_S = 60;

/** @throws {Error} saying which limit does not hold, and the numbers */
export function timing(props: TimingProps): Timing {
  const givenS = props.totalTimeout && seconds('totalTimeout', props.totalTimeout, 30);
  const sliceS = seconds('slice', props.slice ?? Duration.seconds(Math.min(90, givenS ?? 90)), 2);
  const intervalS = seconds('queryInterval', props.queryInterval ?? Duration.seconds(5), 1);
  const migrateS = sliceS + MIGRATE_MARGIN_S;
  const answerTimeoutS = migrateS + ANSWER_MARGIN_S;
  const pollS = answerTimeoutS + DEPLOY_MARGIN_S;
  if (pollS > DEPLOY_TIMEOUT_S) {
    throw new Error(
      `slice (${sliceS} s) is too long: with ${pollS - sliceS} s around it, it must end within ${DEPLOY_TIMEOUT_S} s. ` +
        `Set slice to at most ${DEPLOY_TIMEOUT_S - (pollS - sliceS)} s; longer work is finished over several slices.`,
    );
  }
  // The last slice may begin just before the deadline, and two intervals lie around it.
  const afterwardsS = pollS + 2 * intervalS;
  const longestS = SERVICE_TIMEOUT_MAX_S - afterwardsS;
  const totalS = givenS ?? Math.min(3000, longestS);
  if (totalS > longestS) {
    throw new Error(
      `totalTimeout (${totalS} s) does not fit: with ${afterwardsS} s for the last slice it passes the ` +
        `${SERVICE_TIMEOUT_MAX_S} s that CloudFormation waits for a custom resource. ` +
        `Set totalTimeout to at most ${longestS} s, or a shorter slice or queryInterval.`,
    );
  }
  if (sliceS > totalS) {
    throw new Error(`slice (${sliceS} s) must not be longer than totalTimeout (${totalS} s).`);
  }
  const waitS = seconds('databaseWait', props.databaseWait ?? Duration.seconds(Math.min(300, totalS)), 1);
  if (waitS > totalS) {
    throw new Error(`databaseWait (${waitS} s) must not be longer than totalTimeout (${totalS} s).`);
  }
  const serviceS = totalS + afterwardsS;
  return {
    totalTimeout: Duration.seconds(totalS),
    slice: Duration.seconds(sliceS),
    queryInterval: Duration.seconds(intervalS),
    databaseWait: Duration.seconds(waitS),
    migrateTimeout: Duration.seconds(migrateS),
    answerTimeout: Duration.seconds(answerTimeoutS),
    deployTimeout: Duration.seconds(DEPLOY_TIMEOUT_S),
    serviceTimeout: Duration.seconds(serviceS),
    // Must be a multiple of the interval.
    frameworkTimeout: Duration.seconds(Math.ceil(serviceS / intervalS) * intervalS),
  };
}

function seconds(name: string, duration: Duration, least: number): number {
  if (duration.isUnresolved()) throw new Error(`${name} must be known at synth, not a token.`);
  const value = duration.toSeconds({ integral: false });
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`${name} must be a whole number of seconds, ${least} at least; it is ${value} s.`);
  }
  return value;
}
