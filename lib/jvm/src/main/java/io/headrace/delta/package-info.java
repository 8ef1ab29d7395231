/** How Delta's log is written, so that two drivers never write the same version. */
package io.headrace.delta;
