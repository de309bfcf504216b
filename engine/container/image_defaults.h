/*
 * image_defaults - the words a container takes over from its image, and small parsers of options whose
 * meaning depends on it. The functions are declared in engine/container/config.h; this header only
 * names what tests need besides.
 *
 * The image's configuration is hostile input: it was checked for its digest, not for its sense.
 */
#ifndef PM_ENGINE_CONTAINER_IMAGE_DEFAULTS_H
#define PM_ENGINE_CONTAINER_IMAGE_DEFAULTS_H

#include "engine/container/config.h"

/* Most volumes, ports, labels and variables an image may declare. */
#define PM_IMAGE_MAX_ITEMS 4096

#endif
