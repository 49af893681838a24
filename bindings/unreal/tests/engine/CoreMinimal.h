// A stand-in for what the plugin uses of the engine: macros with the names and the habits of the engine's, and as much of
// its types as it takes to run. Nothing of the engine itself is here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// What engine and platform headers leave behind.
#define check(Expression) do { if (!(Expression)) { __builtin_trap(); } } while (0)
#define verify(Expression) check(Expression)
#define ensure(Expression) (Expression)
#define TEXT(Text) u##Text
#define PI (3.1415926535897932f)
#define IN
#define OUT
#define near
#define far
#define small char
#define interface struct
#define ERROR 0
#define min(A, B) ((A) < (B) ? (A) : (B))
#define max(A, B) ((A) > (B) ? (A) : (B))
#define AWQMARLINRUNTIME_API

using TCHAR = char16_t;
using uint8 = std::uint8_t;
using int32 = std::int32_t;
using uint32 = std::uint32_t;
using int64 = std::int64_t;

std::u16string EngineWiden(const char* Text);
std::string EngineNarrow(const TCHAR* Text);
#define UTF8_TO_TCHAR(Text) EngineWiden(Text).c_str()
#define TCHAR_TO_UTF8(Text) EngineNarrow(Text).c_str()

class FString
{
public:
	FString() = default;
	FString(const TCHAR* InText) : Text(InText) {}
	const TCHAR* operator*() const { return Text.c_str(); }

private:
	std::u16string Text;
};

template <class T> class TArray
{
public:
	void Init(const T& Value, int64 Num) { Items.assign(static_cast<std::size_t>(Num), Value); }
	void SetNumUninitialized(int32 Num) { Items.resize(static_cast<std::size_t>(Num)); }
	int32 Num() const { return static_cast<int32>(Items.size()); }
	T* GetData() { return Items.data(); }

private:
	std::vector<T> Items;
};

template <class T> class TArrayView
{
public:
	TArrayView(T* InData, int32 InNum) : Data(InData), Count(InNum) {}
	template <class C> TArrayView(C& Array) : Data(Array.GetData()), Count(Array.Num()) {}
	T* GetData() const { return Data; }
	int32 Num() const { return Count; }

private:
	T* Data;
	int32 Count;
};

template <class T> using TUniquePtr = std::unique_ptr<T>;
template <class T> TUniquePtr<T> MakeUnique() { return std::make_unique<T>(); }

struct FPlatformMisc
{
	static int32 NumberOfCoresIncludingHyperthreads() { return 4; }
};

void EngineLog(const TCHAR* Format, const TCHAR* Argument = nullptr);
#define DEFINE_LOG_CATEGORY_STATIC(Name, Default, Compiled) static const int Name = 0
#define UE_LOG(Category, Verbosity, ...) do { static_cast<void>(Category); EngineLog(__VA_ARGS__); } while (0)
