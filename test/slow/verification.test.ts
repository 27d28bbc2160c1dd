/** The same tests on every major: this project starts them all. */
import '../engine/sql/verification.test';
