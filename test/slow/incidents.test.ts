/** The same tests on every major: this project starts them all. */
import '../incidents/acceptance.test';
import '../incidents/channels.test';
import '../incidents/courses.test';
import '../incidents/existing.test';
