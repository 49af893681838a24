#pragma once

#include "CoreMinimal.h"

extern int32 EngineTasks; // so far

template <class TBody> void ParallelFor(int32 Num, const TBody& Body)
{
	for (int32 Index = 0; Index < Num; ++Index, ++EngineTasks)
	{
		Body(Num - 1 - Index); // any order
	}
}
