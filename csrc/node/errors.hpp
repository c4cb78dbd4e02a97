// Failures on their way to JavaScript. Code below throws a Failure; the wrapper `exported` turns it into an
// error.
#pragma once

#include <node_api.h>

#include <string>

#include "jumpout.h"

namespace jumpout::node {

enum class ErrorClass { kError, kTypeError, kRangeError };

struct Failure {
  ErrorClass errorClass;
  const char* code;
  std::string sentence;
};

Failure wrongType(const char* expected, const char* argument);
Failure outOfMemory(const char* what);

// `arrays` names the arguments that the status is about.
Failure failureOf(jumpout_status status, const char* arrays);

// A Node-API call failed, be it by an exception that is pending already.
struct PendingFailure {};

inline void check(napi_status status) {
  if (status != napi_ok) throw PendingFailure{};
}

napi_value makeError(napi_env env, const Failure& failure);

// Inside a catch block: whatever was caught becomes the pending JavaScript exception.
void throwCaught(napi_env env) noexcept;

// What Node-API calls: no C++ exception gets past it.
template <napi_value (*kFunction)(napi_env, napi_callback_info)>
napi_value exported(napi_env env, napi_callback_info info) noexcept {
  try {
    return kFunction(env, info);
  } catch (...) {
    throwCaught(env);
    return nullptr;
  }
}

}  // namespace jumpout::node
