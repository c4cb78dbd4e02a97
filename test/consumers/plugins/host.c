/* host PLUGIN...: loads plugins so that each sees the names of those before it, and lets them fail in turn. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef const char* (*text)(void);
typedef const char* (*failing)(int);

static void* symbol(void* plugin, const char* name) {
  void* found = dlsym(plugin, name);
  if (!found) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return found;
}

int main(int argc, char** argv) {
  void* plugins[8];
  int i;
  for (i = 1; i < argc && i < 8; i++) {
    plugins[i] = dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL);
    if (!plugins[i]) {
      fprintf(stderr, "%s\n", dlerror());
      return 1;
    }
  }
  for (i = 1; i < argc; i++) printf("version %s\n", ((text)symbol(plugins[i], "plugin_version"))());
  for (i = 1; i < argc; i++) ((failing)symbol(plugins[i], "plugin_fail"))(i % 2);
  for (i = 1; i < argc; i++) printf("field %s\n", ((text)symbol(plugins[i], "plugin_field"))());
  printf("jumpout_forward is %s\n", dlsym(RTLD_DEFAULT, "jumpout_forward") ? "exported" : "hidden");
  return 0;
}
