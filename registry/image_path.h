/*
 * image_path - "PATH[:REFERENCE]" and "PATH[:NAME]" of the file transports: oci:, oci-archive:, docker-archive:.
 */
#ifndef PM_REGISTRY_IMAGE_PATH_H
#define PM_REGISTRY_IMAGE_PATH_H

/* A colon ends the path. *ret_path and *ret_which (NULL: none) are the caller's to free. */
void pm_image_path_split(const char *name, char **ret_path, char **ret_which);

#endif
