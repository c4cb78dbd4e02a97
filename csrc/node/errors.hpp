// Failures on their way to JavaScript. Code below throws a Failure; the wrapper `exported` turns it into an
// error. The one place where a status becomes a sentence.
//
// One addon serves every copy of lib in its thread, and each copy may live in another realm (a vm context, a test file of
// Jest), with classes of its own. So each copy has an object of its own with the addon's functions and a method
// `makeError`, and what a function throws is made by the object that it was called on: nothing is kept here, and a realm
// can be collected.
#pragma once

#include <node_api.h>

#include <initializer_list>
#include <string>

#include "jumpout_cuda.h"

namespace jumpout::node {

enum class ErrorClass { kError, kTypeError, kRangeError, kCudaError };

struct Failure {
  ErrorClass errorClass;
  const char* code;
  std::string sentence;
  jumpout_cuda_error cuda = {};
};

// What JavaScript calls the fields of a struct of the C API.
struct ArgumentNames {
  struct Pair {
    const char* field;
    const char* argument;
  };
  const char* all;  // where no field is known
  std::initializer_list<Pair> pairs;
};

inline constexpr ArgumentNames kNoNames{"this call", {}};
inline constexpr ArgumentNames kOnDeviceNames{"this call", {{"device", "options.device"}}};

// A status with what the C API says of it, which it says to the calling thread alone.
struct Outcome {
  jumpout_status status = JUMPOUT_OK;
  std::string field = {};
  jumpout_cuda_error cuda = {};
};

Outcome outcomeOf(jumpout_status status);

Failure wrongType(const char* expected, const char* argument);
Failure wrongValue(const std::string& expected, const std::string& argument, const std::string& got);
Failure wrongState(const char* expected, const char* argument, const char* got);
Failure wrongDevice(const char* what, int32_t expected, const char* argument, int32_t got);
Failure outOfMemory(const char* what);

// A check of the binding's own; `argument` is what it was about.
Failure failureOf(jumpout_status status, const char* argument);
Failure failureOf(const Outcome& outcome, const ArgumentNames& names);

// After a call of the C API.
inline void require(jumpout_status status, const ArgumentNames& names) {
  if (status != JUMPOUT_OK) throw failureOf(outcomeOf(status), names);
}

// A Node-API call failed, be it by an exception that is pending already.
struct PendingFailure {};

inline void check(napi_status status) {
  if (status != napi_ok) throw PendingFailure{};
}

// The object that the function was called on.
napi_value receiverOf(napi_env env, napi_callback_info info) noexcept;

// As receiver.makeError(class, code, sentence, cudaName, number, sticky) makes it; without that method a plain Error.
napi_value makeError(napi_env env, napi_value receiver, const Failure& failure);

// Inside a catch block: whatever was caught becomes the pending JavaScript exception.
void throwCaught(napi_env env, napi_value receiver) noexcept;

// What Node-API calls: no C++ exception gets past it.
template <napi_value (*kFunction)(napi_env, napi_callback_info)>
napi_value exported(napi_env env, napi_callback_info info) noexcept {
  try {
    return kFunction(env, info);
  } catch (...) {
    throwCaught(env, receiverOf(env, info));
    return nullptr;
  }
}

template <napi_value (*kFunction)(napi_env, napi_callback_info)>
void define(napi_env env, napi_value exports, const char* name) {
  napi_value function;
  check(napi_create_function(env, name, NAPI_AUTO_LENGTH, exported<kFunction>, nullptr, &function));
  check(napi_set_named_property(env, exports, name, function));
}

}  // namespace jumpout::node
