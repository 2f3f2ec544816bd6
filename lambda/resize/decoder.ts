import { setUpCollector } from '../../workload/collector';
import { Decoder } from '../../workload/decoder';
import { wrongPlatform } from '../../workload/platform';

/** Starts when it is imported, before the SDK is: its process loads libvips while this one loads the SDK. */

setUpCollector();
const foreign = wrongPlatform(__dirname);
if (foreign) throw new Error(foreign);

/** One slot: an environment has one event at a time. */
export const decoder = new Decoder(1);
