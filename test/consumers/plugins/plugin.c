/* A plugin: reports which jumpout its calls reach, and the field of the last failing call. */
#include <jumpout.h>

const char* plugin_version(void);
const char* plugin_fail(int in_output);
const char* plugin_field(void);

const char* plugin_version(void) {
  jumpout_runtime runtime;
  return jumpout_get_runtime(&runtime) == JUMPOUT_OK ? runtime.version : "none";
}

/* A forward without its output, or without its input; returns the field that it names. */
const char* plugin_fail(int in_output) {
  float number = 1;
  jumpout_group group;
  jumpout_forward_args args = {0};
  if (in_output)
    args.input = &number;
  else
    args.output = &number;
  args.groups = &group;
  args.length = args.group_count = 1;
  args.layout.unit_size = 1;
  args.options = jumpout_default_options();
  return jumpout_forward(&args) == JUMPOUT_NULL_POINTER ? jumpout_status_field() : "nothing";
}

const char* plugin_field(void) { return jumpout_status_field(); }
