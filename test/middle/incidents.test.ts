import '../incidents/acceptance.test';
import '../incidents/channels.test';
import '../incidents/courses.test';
